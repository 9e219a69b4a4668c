//! Stacks as people write them: that they compile, without annotations beyond those shown, and do what they say.

mod axum_stacks;
mod orders;
mod places;
mod wrapped;
