//! What a struct and its attributes say about an event.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, Fields, Ident, Lit, LitStr, Meta, Path, Result, Token, Type,
};

/// Names that the protocol keeps for itself: `spec/socketio.md` 2.
const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// As many elements as serde's tuples have.
const MOST: usize = 16;

/// An event.
pub(crate) struct Definition {
    /// The struct.
    pub(crate) ident: Ident,
    /// Its name on the wire.
    pub(crate) name: String,
    /// What its documentation says.
    pub(crate) doc: String,
    /// Its arguments.
    pub(crate) shape: Shape,
    /// What each of them is called.
    pub(crate) args: Vec<String>,
    /// What it is acknowledged with, if it is.
    pub(crate) ack: Option<Type>,
    /// Whether its first field is its key.
    pub(crate) has_key: bool,
    /// Where the crate is whose event it is.
    pub(crate) krate: Path,
}

/// What is an event's arguments.
pub(crate) enum Shape {
    /// Each field one: `struct Message(String, u32);`, `struct Typing;`.
    Fields(Vec<Type>),
    /// The struct itself: `struct Joined { name: String }`.
    Whole,
}

/// What `#[event(..)]` says.
#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    ack: Option<Type>,
    args: Option<Vec<Ident>>,
    key: Option<Span>,
    krate: Option<Path>,
}

impl Definition {
    pub(crate) fn read(input: DeriveInput) -> Result<Definition> {
        let Data::Struct(data) = input.data else {
            return Err(Error::new(
                input.ident.span(),
                "an event is a struct: one type for each event, since each has its own name",
            ));
        };
        if !input.generics.params.is_empty() {
            return Err(Error::new(
                input.generics.span(),
                "an event owns what it holds: it has no lifetimes, and no type parameters, since all of one name are of one type",
            ));
        }
        let mut options = Options::default();
        for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("event")) {
            attribute.parse_nested_meta(|meta| options.read(&meta))?;
        }
        let (name, span) = match &options.name {
            Some(name) => (name.value(), name.span()),
            None => (camel_case(&input.ident.unraw().to_string()), input.ident.span()),
        };
        if RESERVED.contains(&&*name) {
            return Err(Error::new(
                span,
                format!(
                    "{name:?} is reserved by the protocol: no peer can send it; give the event another name, `#[event(name = \"..\")]`"
                ),
            ));
        }
        if let Some(Type::Array(array)) = &options.ack {
            return Err(Error::new(
                array.span(),
                "an array of fixed length is several values to serde: write a tuple for several, a `Vec` for one",
            ));
        }
        let shape = match data.fields {
            Fields::Unit => Shape::Fields(Vec::new()),
            Fields::Unnamed(fields) => {
                Shape::Fields(fields.unnamed.into_iter().map(|field| field.ty).collect())
            }
            Fields::Named(_) => Shape::Whole,
        };
        if let Some(span) = options.key {
            let has_first = matches!(&shape, Shape::Fields(fields) if !fields.is_empty());
            if !has_first || options.ack.is_none() {
                return Err(Error::new(
                    span,
                    "a key is the first field of `struct Order(String, ..)`, whose event is acknowledged: `ack = Type`",
                ));
            }
        }
        let args = argument_names(&shape, &input.ident, options.args)?;
        Ok(Definition {
            name,
            doc: documentation(&input.attrs),
            shape,
            args,
            ack: options.ack,
            has_key: options.key.is_some(),
            krate: options.krate.unwrap_or_else(|| syn::parse_quote!(::sockeye)),
            ident: input.ident,
        })
    }
}

impl Options {
    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        if meta.path.is_ident("name") {
            once(meta, &mut self.name, meta.value()?.parse()?)
        } else if meta.path.is_ident("ack") {
            once(meta, &mut self.ack, bare(meta.value()?.parse()?))
        } else if meta.path.is_ident("args") {
            let names;
            syn::parenthesized!(names in meta.input);
            let names = Punctuated::<Ident, Token![,]>::parse_terminated(&names)?;
            once(meta, &mut self.args, names.into_iter().collect())
        } else if meta.path.is_ident("key") {
            once(meta, &mut self.key, meta.path.span())
        } else if meta.path.is_ident("crate") {
            once(meta, &mut self.krate, meta.value()?.call(Path::parse_mod_style)?)
        } else {
            Err(meta
                .error("an event has `name = \"..\"`, `ack = Type`, `args(..)`, `key` and `crate = path`"))
        }
    }
}

/// The type that is meant: one that came through a `macro_rules!` stands in a group that nobody sees.
fn bare(mut ty: Type) -> Type {
    loop {
        ty = match ty {
            Type::Group(group) => *group.elem,
            Type::Paren(paren) => *paren.elem,
            other => return other,
        };
    }
}

/// Keeps what is said once.
fn once<T>(meta: &ParseNestedMeta<'_>, option: &mut Option<T>, value: T) -> Result<()> {
    match option.replace(value) {
        None => Ok(()),
        Some(_) => Err(meta.error("said twice")),
    }
}

/// What each argument is called.
fn argument_names(shape: &Shape, ident: &Ident, given: Option<Vec<Ident>>) -> Result<Vec<String>> {
    let count = match shape {
        Shape::Fields(fields) if fields.len() > MOST => {
            return Err(Error::new(fields[MOST].span(), format!("an event has at most {MOST} arguments")));
        }
        Shape::Fields(fields) => fields.len(),
        Shape::Whole => 1,
    };
    match given {
        Some(names) if names.len() != count => {
            let span = names.last().map_or(ident.span(), Ident::span);
            Err(Error::new(span, format!("{} names for {count} arguments", names.len())))
        }
        Some(names) if names.iter().enumerate().any(|(at, name)| names[..at].contains(name)) => {
            Err(Error::new(ident.span(), "two arguments have one name"))
        }
        Some(names) => Ok(names.iter().map(|name| name.unraw().to_string()).collect()),
        None if matches!(shape, Shape::Whole) => Ok(vec![camel_case(&ident.unraw().to_string())]),
        None if count == 1 => Ok(vec!["value".to_owned()]),
        None => Ok((0..count).map(|number| format!("arg{number}")).collect()),
    }
}

/// `UserJoined` is `userJoined`.
fn camel_case(type_name: &str) -> String {
    let mut characters = type_name.chars();
    characters.next().into_iter().flat_map(char::to_lowercase).chain(characters).collect()
}

/// The text of doc comments.
fn documentation(attributes: &[Attribute]) -> String {
    let line = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(text) => match &text.lit {
                Lit::Str(text) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    };
    attributes.iter().filter_map(line).collect::<Vec<String>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::{Definition, Shape};

    fn read(source: &str) -> Result<Definition, String> {
        Definition::read(syn::parse_str(source).expect("Rust")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_struct_says_its_name_its_arguments_and_its_documentation() {
        let event = read("/// Somebody\n/// came.\nstruct UserJoined(String, u32);").unwrap();
        assert_eq!((&*event.name, &*event.doc), ("userJoined", "Somebody\ncame."));
        assert_eq!(event.args, ["arg0", "arg1"]);
        assert!(matches!(event.shape, Shape::Fields(fields) if fields.len() == 2));
        assert!(event.ack.is_none());
    }

    #[test]
    fn attributes_say_it_otherwise() {
        let event = read(
            "#[event(name = \"chat message\", ack = (u32, String), args(from))] struct Message(String);",
        );
        let event = event.unwrap();
        assert_eq!((&*event.name, &event.args[..]), ("chat message", &["from".to_owned()][..]));
        assert!(event.ack.is_some());
    }

    #[test]
    fn an_ack_is_several_values_too_where_a_macro_wrote_it() {
        let tuple: proc_macro2::TokenStream = "(u32, String)".parse().expect("tokens");
        let group = proc_macro2::Group::new(proc_macro2::Delimiter::None, tuple);
        let event = syn::parse_quote!(
            #[event(ack = #group)]
            struct Message(String);
        );
        let ack = Definition::read(event).ok().and_then(|event| event.ack);
        assert!(matches!(ack, Some(syn::Type::Tuple(tuple)) if tuple.elems.len() == 2));
    }

    #[test]
    fn an_object_is_called_as_its_type_even_where_that_is_a_word_of_rust() {
        assert_eq!(read("struct Crate { to: u8 }").unwrap().args, ["crate"]);
    }

    #[test]
    fn what_is_no_event_is_refused() {
        let refused = |source: &str| read(source).err().unwrap_or_default();
        assert!(refused("struct Disconnect;").contains("reserved"));
        assert!(refused("#[event(name = \"newListener\")] struct Ears;").contains("reserved"));
        assert!(refused("struct Message<'a>(&'a str);").contains("no lifetimes"));
        assert!(refused("struct Message<T>(T);").contains("no type parameters"));
        assert!(refused("enum Message { A }").contains("a struct"));
        assert!(refused("#[event(args(a, b))] struct Message(u8);").contains("2 names for 1 arguments"));
        assert!(refused("#[event(args(a, a))] struct Message(u8, u8);").contains("one name"));
        assert!(refused("#[event(ack = [u8; 2])] struct Message(u8);").contains("a tuple"));
        assert!(refused("#[event(ack = u8, ack = u8)] struct Message(u8);").contains("twice"));
        assert!(refused("#[event(key)] struct Message(String);").contains("acknowledged"));
        assert!(refused("#[event(ack = u8, key)] struct Message;").contains("first field"));
        assert!(refused("#[event(nam = \"x\")] struct Message(u8);").contains("an event has"));
    }
}
