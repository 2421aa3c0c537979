// A bridge on fastify and ws, in the shape of ElevenLabs' example: what voiced is measured against.
//
// Called up by the bench only. No signatures, no marks, no logging per frame.
// Environment: PORT, SERVER_DOMAIN, ELEVENLABS_BASE_URL, ELEVENLABS_AGENT_ID, ELEVENLABS_API_KEY.
import Fastify from "fastify";
import formBody from "@fastify/formbody";
import webSocket from "@fastify/websocket";
import WebSocket from "ws";

const { PORT, SERVER_DOMAIN, ELEVENLABS_BASE_URL, ELEVENLABS_AGENT_ID, ELEVENLABS_API_KEY } = process.env;

const fastify = Fastify();
await fastify.register(formBody);
await fastify.register(webSocket);

fastify.post("/call/incoming", async (request, reply) => {
  reply.type("text/xml").send(
    `<?xml version="1.0" encoding="UTF-8"?><Response><Connect><Stream url="wss://${SERVER_DOMAIN}/call/connection"/>` +
      "</Connect></Response>",
  );
});

fastify.post("/call/status", async (request, reply) => {
  reply.send("");
});

async function signedUrl() {
  const url = `${ELEVENLABS_BASE_URL}/v1/convai/conversation/get-signed-url?agent_id=${ELEVENLABS_AGENT_ID}`;
  const response = await fetch(url, { headers: { "xi-api-key": ELEVENLABS_API_KEY } });
  if (!response.ok) throw new Error(`no signed URL: ${response.status}`);
  return (await response.json()).signed_url;
}

fastify.get("/call/connection", { websocket: true }, (caller) => {
  let streamSid = null;
  let agent = null;
  let gone = false;

  async function connect() {
    const url = await signedUrl();
    if (gone) return;
    agent = new WebSocket(url);

    agent.on("open", () => {
      agent.send(
        JSON.stringify({
          type: "conversation_initiation_client_data",
          conversation_config_override: {
            agent: { prompt: { prompt: "You answer the telephone." }, first_message: "Hello." },
          },
        }),
      );
    });

    agent.on("message", (data) => {
      const message = JSON.parse(data);
      switch (message.type) {
        case "audio":
          if (message.audio?.chunk) {
            caller.send(JSON.stringify({ event: "media", streamSid, media: { payload: message.audio.chunk } }));
          } else if (message.audio_event?.audio_base_64) {
            const payload = message.audio_event.audio_base_64;
            caller.send(JSON.stringify({ event: "media", streamSid, media: { payload } }));
          }
          break;
        case "interruption":
          caller.send(JSON.stringify({ event: "clear", streamSid }));
          break;
        case "ping":
          agent.send(JSON.stringify({ type: "pong", event_id: message.ping_event.event_id }));
          break;
      }
    });

    agent.on("error", (error) => console.error("agent:", error.message));
  }

  caller.on("message", (data) => {
    const message = JSON.parse(data);
    switch (message.event) {
      case "start":
        streamSid = message.start.streamSid;
        connect().catch((error) => console.error("agent:", error.message));
        break;
      case "media":
        if (agent?.readyState === WebSocket.OPEN) {
          agent.send(JSON.stringify({ user_audio_chunk: message.media.payload }));
        }
        break;
      case "stop":
        agent?.close();
        break;
    }
  });

  caller.on("close", () => {
    gone = true;
    agent?.close();
  });
});

await fastify.listen({ port: Number(PORT), host: "127.0.0.1" });
