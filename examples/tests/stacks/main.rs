//! Stacks as users write them. The tests check that they compile with the annotations shown, and that they work.

mod axum_stacks;
mod by_key;
mod orders;
mod places;
mod wrapped;
