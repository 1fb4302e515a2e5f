// echo_ws.js PORT: Node's ws against a server that echoes at most 65535 bytes.  Prints what is wrong
// and exits 1; exits 77 without the library.
const assert = require("assert");
let WebSocket;
for (const place of ["ws", "/usr/share/nodejs/ws", "/usr/lib/nodejs/ws"])
    try {
        WebSocket = WebSocket || require(place);
    } catch (e) {
        if (e.code !== "MODULE_NOT_FOUND") throw e;
    }
if (!WebSocket) process.exit(77);

const url = `ws://127.0.0.1:${process.argv[2]}/chat`;
const once = (ws, event) => new Promise((done, fail) => {
    ws.once(event, (...what) => done(what));
    if (event !== "close") ws.once("close", (code) => fail(new Error(`closed with ${code}`)));
});
const open = async () => {
    const ws = new WebSocket(url); // offers permessage-deflate
    await once(ws, "open");
    assert.strictEqual(ws.extensions, "");
    return ws;
};
const receive = async (ws) => (await once(ws, "message"))[0].toString();

async function echoes() {
    const ws = await open();
    for (const n of [0, 1, 125, 126, 1000, 65535]) {
        ws.send("x".repeat(n));
        assert.strictEqual(await receive(ws), "x".repeat(n));
    }
    const pong = once(ws, "pong"), message = receive(ws); // before they can come
    ws.send("家é", { fin: false });
    ws.ping("between");
    ws.send("", { fin: false });
    ws.send("😀", { fin: true });
    assert.strictEqual((await pong)[0].toString(), "between");
    assert.strictEqual(await message, "家é😀");
    ws.close(4000, "bye");
    assert.strictEqual((await once(ws, "close"))[0], 4000);
}

async function ends() {
    for (const [message, code] of [[Buffer.from("binary"), 1003], ["x".repeat(65536), 1009]]) {
        const ws = await open();
        ws.send(message);
        assert.strictEqual((await once(ws, "close"))[0], code);
    }
    const ws = await open();
    ws.close(); // without a code
    assert.strictEqual((await once(ws, "close"))[0], 1005);
    (await open()).terminate();
    await echoes();
}

echoes().then(ends).then(() => process.exit(0), (e) => {
    console.error(e);
    process.exit(1);
});
