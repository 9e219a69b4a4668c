//! What each wrong order of the layers costs: the same traffic over the default order, and over an order with one mistake.
//!
//! ```sh
//! cargo run -p maestro-examples --example layer_order
//! ```
//!
//! A hundred calls a second go to a simulated backend for half a minute, on a paused clock. Every run has the same result. The
//! program prints the table of `GUIDE.md`, and its test compares the two.

mod backend;
mod bulkheads;
mod mistakes;
mod run;
mod stack;
mod table;

fn main() {
    print!("{}", table::table());
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_guide_has_the_table_of_this_program() {
        let table = super::table::table();
        let guide = include_str!("../../../GUIDE.md");
        assert!(
            guide.contains(&table),
            "the guide needs this table:\n{table}"
        );
    }
}
