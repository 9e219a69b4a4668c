//! The objective, what is left of the budget, how fast it burns, and what the gate does about it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::conductor::Conductor;

pub(super) async fn get(State(conductor): State<Arc<Conductor>>) -> Response {
    Json(conductor.slo()).into_response()
}
