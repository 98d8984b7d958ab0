"""A TLS listener before the gateway, as production has one: clients behave differently over https.

It passes bytes on as they are, so the gateway sees the Host header that the client signed.
"""

import contextlib
import socket
import socketserver
import ssl
import threading

import trustme

CHUNK = 64 * 1024


def _pump(source, sink):
    """Moves bytes until `source` ends or either side breaks, then tells `sink` that no more will come."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(CHUNK):
            sink.sendall(chunk)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


class _Connection(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            client = self.server.context.wrap_socket(self.request, server_side=True)
        except OSError:
            return
        with client, socket.create_connection(("127.0.0.1", self.server.gateway_port)) as gateway:
            back = threading.Thread(target=_pump, args=(gateway, client), daemon=True)
            back.start()
            _pump(client, gateway)
            back.join()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128


@contextlib.contextmanager
def tls_front(gateway_port, folder):
    """Yields the https endpoint and the file of the authority that signed its certificate."""
    authority = trustme.CA()
    authority_file = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(authority_file))
    with _Server(("127.0.0.1", 0), _Connection) as server:
        server.gateway_port = gateway_port
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(server.context)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_address[1]}", authority_file
        server.shutdown()
