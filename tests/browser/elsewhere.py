"""A page of another site, which tries to speak in the room through its visitor's browser."""
import http.server
import json
import socket
import threading

SAID = "I was here"
# Each attempt is a promise that ends with what the page could see: a text.
PAGE = """<!doctype html><meta charset=utf-8><title>elsewhere</title><body><script>
const said = "login mallory\\r\\n/help\\r\\nsay %s\\r\\n%s\\r\\n";
const late = attempt => Promise.race([attempt, new Promise(end => setTimeout(end, 5000, "late"))]);
const ask = (url, how) => fetch(url, {mode: "no-cors", ...how}).then(answer => answer.type, error => "error");
function socket(url) {
    return new Promise(end => {
        const ws = new WebSocket(url);
        ws.onopen = () => {
            ws.send(JSON.stringify({do: "login", name: "mallory", re: 1}));
            ws.send(JSON.stringify({do: "say", text: "%s"}));
            ws.send("%s");
            end("open");
        };
        ws.onclose = () => end("closed");
    });
}
function form(url, enctype) {
    return new Promise(end => {
        const frame = document.createElement("iframe");
        frame.name = "frame" + document.querySelectorAll("iframe").length;
        document.body.appendChild(frame);
        const form = document.body.appendChild(document.createElement("form"));
        const text = form.appendChild(document.createElement("textarea"));
        form.target = frame.name;
        text.name = said;
        text.value = said;
        Object.assign(form, {action: url, method: "post", enctype});
        frame.onload = () => end("loaded");
        form.submit();
    });
}
function attempts(host) {
    const at = "http://" + host;
    return [
        ask(at + "/", {}), ask(at + "/chat", {}), ask(at + "/%%0d%%0asay%%20hi", {}), ask("https://" + host + "/", {}),
        ask(at + "/", {method: "POST", body: said}), ask(at + "/chat", {method: "POST", body: said}),
        ask(at + "/", {method: "POST", body: new Blob([said])}),
        Promise.resolve(String(navigator.sendBeacon(at + "/", said))),
        form(at + "/", "text/plain"), form(at + "/chat", "multipart/form-data"),
        form(at + "/", "application/x-www-form-urlencoded"),
        socket("ws://" + host + "/chat"), socket("ws://" + host + "/"),
    ].map(late);
}
function attack(hosts) {
    return Promise.all(hosts.map(host => Promise.all(attempts(host))));
}
// The same from a frame that has no origin (`Origin: null`).
function attack_from_nowhere(hosts) {
    return new Promise(end => {
        const frame = document.createElement("iframe");
        onmessage = event => end(event.data);
        frame.sandbox = "allow-scripts allow-forms";
        frame.srcdoc = document.documentElement.outerHTML + "<script>attack(" + JSON.stringify(hosts)
            + ").then(seen => parent.postMessage(seen, '*'))</" + "script>";
        document.body.appendChild(frame);
    });
}
</script>""" % ((SAID,) * 4)


class Site:
    """Serves that page; as `heard` it keeps what was sent to it, as a proof that attempts are made."""

    def __init__(self, port=0):
        heard = self.heard = []
        connections = self.connections = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def setup(self):
                connections.append(self.request)
                super().setup()

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                heard.append((self.command, self.headers.get("Origin"), self.headers.get("Upgrade"), body))
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(PAGE.encode())

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        """Ends the connections that a browser opened ahead, too."""
        self.server.shutdown()
        self.server.server_close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
