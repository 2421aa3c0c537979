"""Words that tell how a conversation goes, whatever it is about. English, as the ears are."""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


FILLERS = _set("um uh er erm hm hmm")
"""Said while thinking."""
NODS = FILLERS | _set(
    "ah alright aha fine good great hello hey hi huh mhm mm mmhm mmm oh ok okay right so sure well yeah yep yes yup"
)
"""They show that somebody is there and listens, and ask for nothing."""
LEADS_ON = FILLERS | _set(
    "a about also am an and are as at because but by can could for from had has have how i i'd i'll i'm if in into is"
    " just like maybe my need not of on or our some than that's the there's to until was we were what when where"
    " whether which who will with would your"
)
"""Something follows them; they are hardly ever the last of what is said."""
ALONE = _set("hm hmm maybe how what when where who")
"""Those of them that may be all that is said."""
OPENERS = _set("actually so well")
"""They lead on when they are all that was said."""
FIGURES = _set("zero oh one two three four five six seven eight nine double triple")
"""Numbers are dictated with them."""
ABBREVIATIONS = _set(
    "mr mrs ms dr prof st jr sr vs etc no nr approx e.g i.e a.m p.m ave blvd rd apt dept ext est inc ltd co corp"
    " jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thur thurs fri sat sun"
)
"""Their dot does not end a sentence."""
SHORT_FORMS = {"won't": "will not", "can't": "can not", "cannot": "can not", "let's": "let us", "ok": "okay"}
SHORT_ENDS = {"n't": "not", "'s": "is", "'re": "are", "'m": "am", "'ll": "will", "'ve": "have", "'d": "would"}
"""What the short ends of words stand for."""
