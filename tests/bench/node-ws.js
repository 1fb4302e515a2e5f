// node-ws.js PORT: a chat server as people write it with Node's `ws`, for the benchmark.  It sends
// the events that Chatroom sends, rendered once a line; no compression, no names checked.
const { WebSocketServer } = require("ws");
const { randomBytes } = require("crypto");

const epoch = randomBytes(8).toString("hex");
let index = 0;
const event = (value) => Buffer.from(JSON.stringify(value));
const whole = { binary: false }; // a Buffer is sent as text: nothing is encoded once per client

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  perMessageDeflate: false,
  backlog: 4096,
});

server.on("connection", (client) => {
  client.on("error", () => {});
  client.on("message", (message) => {
    const said = JSON.parse(message);
    if (said.do === "login") {
      client.name = said.name;
      client.send(event({ ev: "ok", re: said.re }), whole);
    } else if (said.do === "say") {
      const id = epoch + "-" + (++index).toString(16).padStart(12, "0");
      const t = new Date().toISOString().slice(0, 22) + "Z";
      const line = event({ ev: "say", id, t, who: client.name, text: said.text });
      for (const other of server.clients) other.send(line, whole);
    }
  });
  client.send(event({ ev: "hello", v: 1, epoch }), whole);
});
