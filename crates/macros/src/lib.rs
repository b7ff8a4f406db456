//! The derive of events: `#[derive(Event)]`.
//!
//! What it reads is documented where it is re-exported, in `sockeye::event`.

mod definition;
mod expansion;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use crate::definition::Definition;

/// Makes a struct an event, which carries its name, its arguments and its acknowledgement.
#[proc_macro_derive(Event, attributes(event))]
pub fn event(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    match Definition::read(input) {
        Ok(definition) => expansion::expand(&definition).into(),
        Err(error) => error.into_compile_error().into(),
    }
}
