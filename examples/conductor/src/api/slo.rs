//! The objective, the remaining budget, the burn rates and the gate's state.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::conductor::Conductor;

pub(super) async fn get(State(conductor): State<Arc<Conductor>>) -> Response {
    Json(conductor.slo()).into_response()
}
