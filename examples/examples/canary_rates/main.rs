//! How often a canary is rolled back although it is as good as its baseline, if errors are independent and if they come
//! in bursts, and how long it takes to roll back a bad one: the tables of the guide.
//!
//! ```sh
//! cargo run --release -p maestro-examples --example canary_rates
//! ```
//!
//! All numbers are drawn from seeds, and no clock is read, so every run is the same. It takes about a minute. The tests of
//! this example assert the same with fewer releases.

mod tables;
#[cfg(test)]
mod tests;
mod trial;
mod worlds;

fn main() {
    println!("{}", tables::false_roll_backs(400));
    println!("{}", tables::time_to_roll_back(100));
    println!("{}", tables::other_tests(100));
    println!("{}", tables::limits(200));
    println!("{}", tables::promotions(200));
}
