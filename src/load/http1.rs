use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::body::Incoming;

use super::answer::{Answer, KEPT};
use super::connect::{Connection, Place};
use super::failure::Failure;
use super::render::Request;
use super::stage::Stage;
use crate::experiment::Method;

/// Sends a request and reads the whole answer. Bounded by the caller's deadline.
///
/// A connection that was idle may have been closed by the target just before it is used. If so, and
/// nothing of an answer arrived, the request goes out once more on a fresh connection to the same
/// instance, provided that it never left or may safely be repeated (any method but POST and PATCH).
/// Such repeats are counted.
pub(super) async fn exchange(
    stage: &Stage,
    request: &Request,
    keep_body: bool,
) -> Result<Answer, Failure> {
    let mut connection = connection(stage, request).await?;
    let (used, before) = (connection.used, connection.received());
    let answer = match connection.sender.try_send_request(message(request)).await {
        Ok(response) => return receive(stage, connection, response, keep_body).await,
        Err(error) => error,
    };
    let safe =
        answer.message().is_some() || !matches!(request.method, Method::Post | Method::Patch);
    if !(used && safe && connection.received() == before) {
        return Err(Failure::from_hyper(answer.error()));
    }
    stage.count_retry();
    let place = connection.place.clone();
    drop(connection);
    let mut connection = open(stage, place).await?;
    let response = connection.sender.send_request(message(request)).await;
    let response = response.map_err(|e| Failure::from_hyper(&e))?;
    receive(stage, connection, response, keep_body).await
}

async fn connection(stage: &Stage, request: &Request) -> Result<Connection, Failure> {
    stage.refresh();
    let places = stage.resolver.places(&request.origin).await?;
    for place in &places {
        loop {
            let idle = stage.pool.borrow_mut().take(place);
            let Some(mut idle) = idle else { break };
            if idle.sender.ready().await.is_ok() {
                return Ok(idle);
            }
        }
    }
    let mut last = Failure::failed("host name not found");
    for place in places {
        let ip = place.addr.ip();
        match open(stage, place).await {
            Ok(connection) => return Ok(connection),
            Err(failure) => last = failure,
        }
        stage.resolver.unreachable(&request.origin.host, ip);
    }
    Err(last)
}

async fn open(stage: &Stage, place: Place) -> Result<Connection, Failure> {
    stage.pool.borrow_mut().make_room();
    Connection::open(place, stage.tls.as_ref(), &stage.traffic).await
}

fn message(request: &Request) -> hyper::Request<Full<Bytes>> {
    let mut message = hyper::Request::new(Full::new(request.body.clone()));
    *message.method_mut() = method(request.method);
    *message.uri_mut() = request.target.clone();
    *message.headers_mut() = request.headers.clone();
    message
}

fn method(method: Method) -> hyper::Method {
    match method {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
        Method::Put => hyper::Method::PUT,
        Method::Patch => hyper::Method::PATCH,
        Method::Delete => hyper::Method::DELETE,
        Method::Head => hyper::Method::HEAD,
        Method::Options => hyper::Method::OPTIONS,
    }
}

async fn receive(
    stage: &Stage,
    connection: Connection,
    response: Response<Incoming>,
    keep_body: bool,
) -> Result<Answer, Failure> {
    let (head, mut incoming) = response.into_parts();
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|e| Failure::from_hyper(&e))?;
        if let Some(data) = frame.data_ref().filter(|_| keep_body) {
            let room = KEPT - body.len();
            body.extend_from_slice(&data[..data.len().min(room)]);
        }
    }
    if stage.resolver.lives(&connection.place) {
        stage.pool.borrow_mut().put(connection);
    }
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
}
