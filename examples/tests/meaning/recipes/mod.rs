//! A stack for a client of tonic and one for reqwest, as a service would have them, and a test of each statement that the
//! documentation makes of them.

mod reqwest;
mod tonic;
