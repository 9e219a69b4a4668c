//! The service against a peer in this process, without Redis and without PostgreSQL, for a few seconds.

use std::{net::Ipv4Addr, time::Duration};

use axum::{
    Router,
    body::Body,
    routing::{post, put},
};
use clap::Parser;
use http::{
    HeaderMap, HeaderName, Request, Response,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use http_body_util::{BodyExt, Full};
use tokio::{
    net::{TcpListener, TcpSocket},
    time::timeout,
};
use tower::{BoxError, ServiceExt};

use crate::{Service, config::Arguments, parcels::ANNOUNCE, start};

pub(crate) async fn play() -> Result<(), BoxError> {
    timeout(Duration::from_secs(30), acts()).await?
}

async fn acts() -> Result<(), BoxError> {
    // It is bound and does not listen, so it refuses connections.
    let absent = TcpSocket::new_v4()?;
    absent.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let port = absent.local_addr()?.port();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let peer = format!("http://{}", listener.local_addr()?);
    tokio::spawn(axum::serve(listener, self::peer()).into_future());
    let [redis, postgres] = [
        format!("--redis=redis://127.0.0.1:{port}"),
        format!("--postgres=host=127.0.0.1 port={port} user=orders"),
    ];
    let [payments, shipping] = ["payments", "shipping"].map(|name| format!("--{name}={peer}"));
    let arguments = ["orders", &redis, &postgres, &payments, &shipping];
    let Service { orders, admin } = start(Arguments::try_parse_from(arguments)?)?;

    println!("Payments and shipping answer. Redis and PostgreSQL refuse connections.");
    for id in 1..=8 {
        let find = Request::get(format!("/orders/{id}")).body(Body::empty())?;
        let order = format!(r#"{{"id": {id}, "item": "tea"}}"#).into();
        let json = Request::post("/orders").header(CONTENT_TYPE, "application/json");
        for request in [find, json.body(order)?] {
            let what = format!("{} {}", request.method(), request.uri());
            let answer = orders.clone().oneshot(request).await?;
            let after = answer.headers().get(RETRY_AFTER);
            println!("{what}: {}, retry after {after:?}", answer.status());
        }
    }
    let list = Request::get("/admin").body(Body::empty())?;
    let list = admin.oneshot(list).await?.into_body().collect().await?;
    println!("/admin: {}", String::from_utf8_lossy(&list.to_bytes()));
    Ok(())
}

/// Takes payments, and announces parcels by gRPC: an empty message, and the status in the trailers.
fn peer() -> Router {
    let announce = async || {
        let ok = (HeaderName::from_static("grpc-status"), 0.into());
        let trailers = async { Some(Ok(HeaderMap::from_iter([ok]))) };
        let body = Full::from(&b"\0\0\0\0\0"[..]).with_trailers(trailers);
        Response::builder()
            .header(CONTENT_TYPE, "application/grpc")
            .body(Body::new(body))
            .expect("a legal head")
    };
    Router::new()
        .route("/payments/{id}", put(async || "paid"))
        .route(ANNOUNCE, post(announce))
}
