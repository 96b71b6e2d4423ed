"""Drives a kernel through jupyter_client.

Reads a JSON list of steps from standard input and prints one JSON object a line for each: {"reply", "outputs", "ms"}.
A step is {"op": "execute", "code", ...} with, as needed, "input" (typed when asked), "interrupt" ("signal" or
"message", sent when text "when" was put out or else at once), "send" (requests [type, content], sent likewise) and "linger" (seconds
to collect late outputs and comm messages); or
{"op": "request", "type", "content", "channel"}; or {"op": "garbage"},
{"op": "huge", "size"} and {"op": "replay"}, which no kernel may obey or die of; or {"op": "welcome"}. "comms" of a result are the data of all comm messages since the
step before.
"""

import json
import sys
import time
from queue import Empty

import zmq
from jupyter_client.manager import start_new_kernel
from jupyter_client.session import Session

TIMEOUT = 100


class Client:
    def __init__(self, name):
        began = time.time()
        self.km, self.kc = start_new_kernel(kernel_name=name, startup_timeout=TIMEOUT)
        self.started_ms = 1000 * (time.time() - began)
        self.comms = []

    def send(self, kind, content, channel="shell"):
        message = self.kc.session.msg(kind, content)
        getattr(self.kc, f"{channel}_channel").send(message)
        return message["header"]["msg_id"]

    def reply(self, msg_id, channel="shell"):
        receive = getattr(self.kc, f"get_{channel}_msg")
        while (message := receive(timeout=TIMEOUT))["parent_header"].get("msg_id") != msg_id:
            pass
        return {"type": message["msg_type"], "content": message["content"]}

    def outputs(self, msg_id, until_idle=True, timeout=TIMEOUT, seen=lambda text: None):
        found = []
        end = time.time() + timeout
        while True:
            try:
                message = self.kc.get_iopub_msg(timeout=max(0.01, end - time.time()))
            except Empty:
                if until_idle:
                    raise
                return found
            content = message["content"]
            if message["msg_type"] == "comm_msg":
                self.comms.append({"data": content["data"], "time": time.time()})
            if message["parent_header"].get("msg_id") != msg_id:
                continue
            if message["msg_type"] == "status":
                if until_idle and content["execution_state"] == "idle":
                    return found
                continue
            found.append({"type": message["msg_type"], "content": content, "time": time.time()})
            seen(json.dumps(content))

    def interrupt(self, how):
        if how == "signal":
            self.km.interrupt_kernel()
        else:
            self.send("interrupt_request", {}, "control")

    def execute(self, step):
        began = time.time()
        options = step.get("options", {})
        msg_id = self.kc.execute(step["code"], allow_stdin="input" in step, **options)
        if "input" in step:
            prompt = self.kc.get_stdin_msg(timeout=TIMEOUT)["content"]
            self.kc.input(step["input"])
        pending = [step[what] for what in ("interrupt", "send") if what in step]

        def seen(text):
            if pending and step.get("when", "") in text:
                time.sleep(0.3)
                what = pending.pop()
                if isinstance(what, str):
                    self.interrupt(what)
                else:
                    for kind, content in what:
                        self.send(kind, content)

        outputs = self.outputs(msg_id, seen=seen)
        result = {"reply": self.reply(msg_id)["content"], "outputs": outputs, "ms": 1000 * (time.time() - began)}
        if "input" in step:
            result["prompt"] = prompt
        if "linger" in step:
            between = self.kc.execute("0", store_history=False)
            self.reply(between)
            result["late"] = self.outputs(msg_id, until_idle=False, timeout=step["linger"])
        return result

    def garbage(self):
        """Sends what is no message of ours: no delimiter, no JSON, a wrong signature."""
        info = self.kc.get_connection_info()
        header = {"msg_id": "x", "msg_type": "execute_request", "session": "s", "username": "u", "date": "", "version": "5.4"}
        unsigned = [b"<IDS|MSG>", b"0" * 64, json.dumps(header).encode(), b"{}", b"{}", b'{"code": "process.exit(1)"}']
        for port in ("shell_port", "control_port", "stdin_port"):
            socket = self.kc.context.socket(zmq.DEALER)
            socket.linger = 1000
            socket.connect(f"tcp://{info['ip']}:{info[port]}")
            for frames in ([b"hello"], [b"<IDS|MSG>", b"", b"{"], unsigned):
                socket.send_multipart(frames)
            socket.close()
        time.sleep(0.3)
        return {"reply": {}, "outputs": [], "ms": 0, "alive": self.km.is_alive()}

    def huge(self, size):
        """Sends a cell of `size` bytes."""
        msg_id = self.send("execute_request", {"code": "x" * size, "silent": False})
        return {"reply": self.reply(msg_id), "outputs": self.outputs(msg_id), "ms": 0, "alive": self.km.is_alive()}

    def replay(self):
        """Sends one signed message twice; the kernel obeys once."""
        message = self.kc.session.msg("execute_request", {"code": "(globalThis as any).obeyed = ((globalThis as any).obeyed ?? 0) + 1"})
        frames = self.kc.session.serialize(message)
        for _ in range(2):
            self.kc.shell_channel.socket.send_multipart(frames)
        msg_id = message["header"]["msg_id"]
        return {"reply": self.reply(msg_id), "outputs": self.outputs(msg_id), "ms": 0, "alive": self.km.is_alive()}

    def welcome(self):
        """Subscribes once more, and returns the first message."""
        info = self.kc.get_connection_info()
        socket = self.kc.context.socket(zmq.SUB)
        socket.setsockopt(zmq.RCVTIMEO, 10_000)
        socket.connect(f"tcp://{info['ip']}:{info['iopub_port']}")
        socket.subscribe(b"kernel")
        # A session takes a message once, and this one reaches the other socket, too.
        session = Session(key=self.kc.session.key)
        topic, frames = session.feed_identities(socket.recv_multipart())
        message = session.deserialize(frames)
        socket.close(0)
        reply = {"type": message["msg_type"], "content": message["content"], "topic": topic[0].decode()}
        return {"reply": reply, "outputs": [], "ms": 0}

    def run(self, step):
        if step["op"] == "garbage":
            return self.garbage()
        if step["op"] == "welcome":
            return self.welcome()
        if step["op"] == "huge":
            return self.huge(step["size"])
        if step["op"] == "replay":
            return self.replay()
        if step["op"] == "execute":
            return self.execute(step)
        began = time.time()
        channel = step.get("channel", "shell")
        msg_id = self.send(step["type"], step["content"], channel)
        reply = None if step.get("silent") else self.reply(msg_id, channel)
        outputs = self.outputs(msg_id)
        return {"reply": reply, "outputs": outputs, "ms": 1000 * (time.time() - began), "alive": self.km.is_alive()}


def main():
    client = Client(sys.argv[1])
    try:
        print(json.dumps({"started_ms": client.started_ms}), flush=True)
        for step in json.load(sys.stdin):
            result = client.run(step)
            result["comms"], client.comms = client.comms, []
            print(json.dumps(result), flush=True)
    finally:
        client.kc.stop_channels()
        client.km.shutdown_kernel()


if __name__ == "__main__":
    main()
