//! The implementations that an event gets.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Index, Type};

use crate::definition::{Definition, Shape};

pub(crate) fn expand(definition: &Definition) -> TokenStream {
    let Definition { ident, name, krate, shape, ack, .. } = definition;
    let (write, read) = match shape {
        Shape::Fields(fields) => {
            let index: Vec<Index> = (0..fields.len()).map(Index::from).collect();
            (
                quote!((#(&self.#index,)*)),
                quote!(::core::result::Result::Ok(Self { #(#index: arguments.next_as()?),* })),
            )
        }
        // In a tuple, since a struct may serialize as what would be no argument, or several.
        Shape::Whole => (quote!((self,)), quote!(arguments.next_as())),
    };
    let ack_type = match ack {
        Some(ack) => quote!(#ack),
        None => quote!(#krate::event::NoAck),
    };
    let with_ack = ack.as_ref().map(|ack| with_ack(definition, ack));
    let keyed = definition.has_key.then(|| {
        quote! {
            #[automatically_derived]
            impl #krate::event::KeyedEvent for #ident {
                fn key(&self) -> &str {
                    &self.0
                }
            }
        }
    });
    let described = described(definition);
    let event = quote! {
        #[automatically_derived]
        #[allow(unused_variables, clippy::unused_unit)]
        impl #krate::event::Event for #ident {
            const NAME: &'static str = #name;
            type Ack = #ack_type;

            fn arguments(&self) -> impl #krate::event::EventArguments {
                #write
            }

            fn read(
                arguments: &mut #krate::event::Arguments<'_>,
            ) -> ::core::result::Result<Self, #krate::event::ArgumentError> {
                #read
            }
        }
    };
    quote!(#event #with_ack #keyed #described)
}

/// A tuple that is written there is several values, one after another; all else is one.
fn elements(ack: &Type) -> Option<&syn::TypeTuple> {
    match ack {
        Type::Tuple(tuple) => Some(tuple),
        _ => None,
    }
}

fn with_ack(definition: &Definition, ack: &Type) -> TokenStream {
    let Definition { ident, krate, .. } = definition;
    let (write, read) = match elements(ack) {
        Some(tuple) => {
            let index: Vec<Index> = (0..tuple.elems.len()).map(Index::from).collect();
            let reads = tuple.elems.iter().map(|_| quote!(arguments.next_as()?));
            (quote!((#(&ack.#index,)*)), quote!(::core::result::Result::Ok((#(#reads,)*))))
        }
        None => (quote!((ack,)), quote!(arguments.next_as())),
    };
    quote! {
        #[automatically_derived]
        #[allow(unused_variables, clippy::unused_unit)]
        impl #krate::event::EventWithAck for #ident {
            fn ack_arguments(ack: &Self::Ack) -> impl #krate::event::EventArguments {
                #write
            }

            fn read_ack(
                arguments: &mut #krate::event::Arguments<'_>,
            ) -> ::core::result::Result<Self::Ack, #krate::event::ArgumentError> {
                #read
            }
        }
    }
}

/// Generic over who describes: only where it is used must the types of the fields be known to it, so that an
/// event costs nothing where there is no contract.
fn described(definition: &Definition) -> TokenStream {
    let Definition { ident, krate, doc, args, shape, ack, .. } = definition;
    let whole: Type = syn::parse_quote!(#ident);
    let arguments: Vec<&Type> = match shape {
        Shape::Fields(fields) => fields.iter().collect(),
        Shape::Whole => vec![&whole],
    };
    let answers: Vec<&Type> = match ack.as_ref().map(|ack| (ack, elements(ack))) {
        None => Vec::new(),
        Some((_, Some(tuple))) => tuple.elems.iter().collect(),
        Some((ack, None)) => vec![ack],
    };
    let answer_names: Vec<String> = match answers.len() {
        1 => vec!["answer".to_owned()],
        several => (0..several).map(|number| format!("answer{number}")).collect(),
    };
    let has_ack = ack.is_some();
    quote! {
        #[automatically_derived]
        #[allow(unused_variables, clippy::unused_unit)]
        impl<Describer> #krate::event::Described<Describer> for #ident
        where
            #(Describer: #krate::event::Describe<#arguments>,)*
            #(Describer: #krate::event::Describe<#answers>,)*
        {
            const DOC: &'static str = #doc;
            const HAS_ACK: bool = #has_ack;

            fn describe(describer: &mut Describer) {
                #(<Describer as #krate::event::Describe<#arguments>>::describe(
                    describer, #krate::event::Part::Arguments, #args,
                );)*
                #(<Describer as #krate::event::Describe<#answers>>::describe(
                    describer, #krate::event::Part::Ack, #answer_names,
                );)*
            }
        }
    }
}
