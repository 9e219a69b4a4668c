//! The clients beneath the stacks.

use std::{sync::Arc, time::Duration};

use http::Response;
use http_body_util::BodyExt;
use redis::{
    AsyncCommands, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::sync::Mutex;
use tokio_postgres::NoTls;
use tonic::transport::Channel;
use tower::{ServiceExt, service_fn, util::BoxCloneSyncService};

use crate::{
    error::CallError,
    stacks::{Grpc, Http, HttpRequest, Query, Store},
};

/// Sends a request and reads its whole answer, so that the timeouts bound the body too.
pub(crate) fn http(client: reqwest::Client) -> Http {
    BoxCloneSyncService::new(service_fn(move |request: HttpRequest| {
        let client = client.clone();
        async move {
            let request = request.map(reqwest::Body::wrap).try_into()?;
            // The URL may have a password, and the error is logged.
            let answer = client.execute(request).await;
            let answer = answer.map_err(reqwest::Error::without_url)?;
            let (head, body) = Response::<reqwest::Body>::from(answer).into_parts();
            Ok(Response::from_parts(head, body.collect().await?.to_bytes()))
        }
    }))
}

/// A channel, which connects at the first call.
pub(crate) fn grpc(channel: Channel) -> Grpc {
    BoxCloneSyncService::new(channel.map_err(|error| CallError::Other(error.into())))
}

/// PostgreSQL, with one connection that is made when it is needed.
pub(crate) fn postgres(config: tokio_postgres::Config) -> Store {
    let kept = Arc::new(Mutex::new(None::<Arc<tokio_postgres::Client>>));
    BoxCloneSyncService::new(service_fn(move |query: Query| {
        let (config, kept) = (config.clone(), kept.clone());
        async move {
            let mut slot = kept.lock().await;
            let open = slot.as_ref().filter(|client| !client.is_closed());
            let client = if let Some(client) = open {
                client.clone()
            } else {
                let (client, connection) = config.connect(NoTls).await?;
                tokio::spawn(connection);
                slot.insert(Arc::new(client)).clone()
            };
            drop(slot);
            let Some(item) = query.save else {
                let find = "select item from orders where id = $1";
                let row = client.query_opt(find, &[&query.id]).await?;
                return Ok(row.map(|row| row.try_get(0)).transpose()?);
            };
            let save = "insert into orders (id, item) values ($1, $2)";
            client.execute(save, &[&query.id, &item]).await?;
            Ok(Some(item))
        }
    }))
}

/// Redis, with one connection that is made when it is needed. The layers above wait and retry.
pub(crate) fn redis(client: redis::Client) -> RedisResult<Store> {
    let once = ConnectionManagerConfig::new().set_number_of_retries(0);
    let connection = ConnectionManager::new_lazy_with_config(client, once)?;
    Ok(BoxCloneSyncService::new(service_fn(move |query: Query| {
        let mut connection = connection.clone();
        async move {
            let key = format!("order:{}", query.id);
            let Some(item) = query.save else {
                return Ok(connection.get(key).await?);
            };
            let day = Duration::from_hours(24).as_secs();
            connection.set_ex::<_, _, ()>(key, &item, day).await?;
            Ok(Some(item))
        }
    })))
}
