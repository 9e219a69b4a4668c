//! The check of the `Host` header, against DNS rebinding.
//!
//! A web page can make its own name resolve to 127.0.0.1. The browser then takes the conductor for a part of that page,
//! and the page reads and posts what it likes. Its requests still carry its name. An address is never such a name, so
//! every address is served.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

/// Refuses requests for a host that is not an address, `localhost` or one of `names`.
pub(super) async fn check(
    State(names): State<Arc<[String]>>,
    request: Request,
    next: Next,
) -> Response {
    let refused = match named(&request) {
        // A client of HTTP/1.0 need not name a host. No browser is one.
        Ok(None) if request.version() == Version::HTTP_10 => None,
        Ok(Some(host)) if is_known(host.host(), &names) => None,
        Ok(Some(host)) => Some((
            StatusCode::MISDIRECTED_REQUEST,
            "wrong_host",
            format!(
                "this service is not {:?}; ask it by its address, by localhost, or by a name given with --host",
                host.host()
            ),
        )),
        Ok(None) | Err(()) => Some((
            StatusCode::BAD_REQUEST,
            "invalid_host",
            "a request must have exactly one valid host header".to_owned(),
        )),
    };
    match refused {
        Some((status, code, message)) => Problem::new(status, code, message)
            .field("host")
            .into_response(),
        None => next.run(request).await,
    }
}

/// The host that a request names: in its target if that is absolute, else in its header.
fn named(request: &Request) -> Result<Option<Authority>, ()> {
    let mut headers = request.headers().get_all(header::HOST).iter();
    let header = match (headers.next(), headers.next()) {
        (None, _) => return Ok(request.uri().authority().cloned()),
        (Some(header), None) => Authority::try_from(header.as_bytes()).map_err(|_| ())?,
        (Some(_), Some(_)) => return Err(()),
    };
    let host = request.uri().authority().cloned().unwrap_or(header);
    if host.as_str().contains('@') || host.host().is_empty() {
        return Err(());
    }
    Ok(Some(host))
}

fn is_known(host: &str, names: &[String]) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is = |name: &str| name.eq_ignore_ascii_case(host);
    bare.unwrap_or(host).parse::<IpAddr>().is_ok()
        || is("localhost")
        || names.iter().any(|name| is(name))
}
