//! A server behind the layers of an application.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use sockeye::{Server, Socket};
use sockeye_test::{ConnectError, TestServer, Transport};

async fn guard(mut request: Request, next: Next) -> Response {
    let Some(user) = request.headers().get("x-user").cloned() else {
        return (StatusCode::UNAUTHORIZED, "who are you?").into_response();
    };
    request.headers_mut().insert("x-checked", user);
    next.run(request).await
}

#[tokio::test(start_paused = true)]
async fn what_stands_in_front_of_the_server_is_tested_with_it() {
    let server = Server::new();
    server.on_connect(async |socket: Socket| {
        let checked = socket.handshake().and_then(|it| it.header("x-checked").map(str::to_owned));
        socket.emit("you are", checked);
    });
    let application = Router::<()>::new().layer(server.layer()).layer(from_fn(guard));
    let kit = TestServer::behind(application, server.path());
    for transport in Transport::ALL {
        let client = kit.client().transport(transport);
        let error = client.clone().connect().await.expect_err("the layer refuses");
        let status = StatusCode::UNAUTHORIZED;
        assert_eq!(error, ConnectError::Status { status, body: "who are you?".to_owned() });
        let mut client = client.header("x-user", "ada").connect().await.expect("it may come in");
        assert_eq!(client.expect::<String>("you are").await, "ada", "over {transport}");
    }
}
