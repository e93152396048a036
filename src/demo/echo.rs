use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;

/// A message at most, bytes; a longer one ends the connection.
const LARGEST: usize = 1 << 20;

/// `GET /ws`: a WebSocket that sends every message back.
pub(super) async fn open(socket: WebSocketUpgrade) -> Response {
    socket.max_message_size(LARGEST).on_upgrade(echo)
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        // Pings are answered below this.
        let answer = match message {
            Message::Text(_) | Message::Binary(_) => message,
            Message::Close(_) => return,
            Message::Ping(_) | Message::Pong(_) => continue,
        };
        if socket.send(answer).await.is_err() {
            return;
        }
    }
}
