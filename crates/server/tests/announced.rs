//! Who asks for a namespace while the application is told of it.

use std::sync::Arc;
use std::sync::Barrier;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use sockeye_server::error::Refusal;
use sockeye_server::server::Server;
use tower_service::Service;

/// Opens a session and asks for the namespace; what it is answered.
async fn ask(server: &Server, name: &str) -> String {
    const TARGET: &str = "/socket.io/?EIO=4&transport=polling";
    let mut service = server.service();
    let mut call = async |request: Request<Full<Bytes>>| {
        let answer = service.call(request).await.expect("the service never fails");
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        String::from_utf8(body.to_vec()).expect("text")
    };
    let open = call(Request::get(TARGET).body(Full::default()).expect("a request")).await;
    let sid = &open.split_once("\"sid\":\"").expect("a sid").1[..20];
    let target = format!("{TARGET}&sid={sid}");
    call(Request::post(&target).body(Full::from(format!("40{name},"))).expect("a request")).await;
    call(Request::get(&target).body(Full::default()).expect("a request")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_joins_a_namespace_before_the_application_has_heard_of_it() {
    let server = Server::new();
    // The one that makes it and the one that finds it.
    let (begins, goes_on) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (began, on) = (begins.clone(), goes_on.clone());
    server.of(|_: &str| true);
    server.on_new_namespace(move |namespace| {
        began.wait();
        on.wait();
        namespace.with(async || Err::<(), _>(Refusal::new("nobody")));
    });
    let makes = server.clone();
    let first = tokio::spawn(async move { ask(&makes, "/child").await });
    tokio::task::block_in_place(|| begins.wait());
    let finds = server.clone();
    let second = tokio::spawn(async move { ask(&finds, "/child").await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    tokio::task::block_in_place(|| goes_on.wait());
    let refused = r#"44/child,{"message":"nobody"}"#;
    assert_eq!((&*first.await.expect("an answer"), &*second.await.expect("an answer")), (refused, refused));
}
