//! Tasks of this repository: `cargo xtask`.

mod counts;
mod house;
mod process;
mod repository;

fn main() {
    house::report().unwrap();
}
