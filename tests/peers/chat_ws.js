// chat_ws.js PORT: Node's ws in the room, as pip: talks until ann says bye.  Prints what is wrong and
// exits 1; exits 77 without the library.
const assert = require("assert");
let WebSocket;
for (const place of ["ws", "/usr/share/nodejs/ws", "/usr/lib/nodejs/ws"])
    try {
        WebSocket = WebSocket || require(place);
    } catch (e) {
        if (e.code !== "MODULE_NOT_FOUND") throw e;
    }
if (!WebSocket) process.exit(77);

const ws = new WebSocket(`ws://127.0.0.1:${process.argv[2]}/chat`);
const say = (text) => ws.send(JSON.stringify({ do: "say", text, re: 2 }));
// What is awaited in turn, and what is done then.
const steps = [
    [{ ev: "hello", v: 1 }, () => ws.send('{"do":"login","name":"pip","re":1}')],
    [{ ev: "ok", re: 1, name: "pip" }, () => say("hello 家")],
    [{ ev: "say", who: "pip", text: "hello 家" }, () => {
        ws.send("in ", { fin: false });
        ws.ping("alive");
        ws.send("fragments: 家", { fin: true });
    }],
    [{ ev: "say", who: "pip", text: "in fragments: 家" }, () => {}],
    [{ ev: "say", who: "ann", text: "bye" }, () => ws.close(1000)],
];
let pongs = 0;
ws.on("pong", (payload) => pongs += payload.toString() === "alive");
ws.on("message", (data) => {
    const event = JSON.parse(data);
    if (steps.length && Object.entries(steps[0][0]).every(([key, value]) => event[key] === value))
        steps.shift()[1]();
});
ws.on("error", (e) => {
    console.error(e);
    process.exit(1);
});
ws.on("close", (code) => {
    assert.deepStrictEqual([code, pongs, steps.length, ws.extensions], [1000, 1, 0, ""]);
    process.exit(0);
});
