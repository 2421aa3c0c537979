"""Endurance (`make soak`): thousands of calls on one daemon in memory, with everything going wrong, and nothing left.

`premises` is the daemon with the doubles of all whom it knows, `people` call and are called, `mishaps` is what goes
wrong meanwhile, `leftovers` looks at what is still there when all is over, `soak` runs it, `report` says how it went.
"""
