//! `#[tool]` and `#[workflow]` of `distri-guest`: from a typed function to an
//! item with a name, a description and a JSON Schema.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::{format_ident, quote};
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, ItemFn, Lit, Meta, Pat, PatType, Result, ReturnType,
    Type, parse_macro_input,
};

/// Makes a tool of a function.
///
/// Each parameter becomes a field of the input; a parameter named `input` that
/// stands alone is the whole input. A parameter of the type `Context` gets the
/// call's context.
#[proc_macro_attribute]
pub fn tool(attributes: TokenStream, function: TokenStream) -> TokenStream {
    item("tool", attributes, parse_macro_input!(function as ItemFn))
}

/// Makes a workflow of a function; like `#[tool]`.
#[proc_macro_attribute]
pub fn workflow(attributes: TokenStream, function: TokenStream) -> TokenStream {
    item("workflow", attributes, parse_macro_input!(function as ItemFn))
}

fn item(kind: &str, attributes: TokenStream, function: ItemFn) -> TokenStream {
    let attributes = Tokens::from(attributes);
    let expanded = if attributes.is_empty() {
        expand(kind, function)
    } else {
        Err(Error::new_spanned(
            attributes,
            format!("`#[{kind}]` takes no arguments: the function says it all"),
        ))
    };
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}

/// A parameter that becomes part of the input.
struct Parameter {
    name: syn::Ident,
    ty: Type,
    docs: Vec<Attribute>,
}

fn expand(kind: &str, mut function: ItemFn) -> Result<Tokens> {
    let name = function.sig.ident.clone();
    let name_text = name.to_string();
    check_name(kind, &name, &name_text)?;
    if let Some(generics) = function.sig.generics.params.first() {
        return Err(Error::new_spanned(
            generics,
            format!("a {kind} cannot be generic: its input has one type"),
        ));
    }
    let description = doc_text(&function.attrs);
    if description.is_empty() {
        return Err(Error::new_spanned(
            &function.sig.ident,
            format!(
                "the {kind} `{name_text}` needs a doc comment: agents read it to know what it does"
            ),
        ));
    }

    let (parameters, mut arguments) = take_parameters(kind, &mut function)?;
    let whole = matches!(parameters.as_slice(), [only] if only.name == "input");
    let (input_type, input_definition) = if whole {
        for argument in &mut arguments {
            if argument.to_string() != "context" {
                *argument = quote!(input);
            }
        }
        let ty = &parameters[0].ty;
        (quote!(#ty), Tokens::new())
    } else {
        let fields = parameters
            .iter()
            .map(|Parameter { name, ty, docs }| quote!(#(#docs)* pub(super) #name: #ty));
        let definition = quote! {
            #[derive(
                ::distri_guest::__private::serde::Deserialize,
                ::distri_guest::__private::schemars::JsonSchema,
            )]
            #[serde(crate = "::distri_guest::__private::serde")]
            #[schemars(crate = "::distri_guest::__private::schemars")]
            pub(super) struct Input { #(#fields),* }
        };
        (quote!(Input), definition)
    };

    let wait = function.sig.asyncness.map(|_| quote!(.await));
    let answer = match &function.sig.output {
        ReturnType::Type(_, ty) if last_segment(ty).is_some_and(|segment| segment == "Result") => {
            format_ident!("outcome")
        }
        _ => format_ident!("succeed"),
    };
    let visibility = function.vis.clone();
    let docs_of_input = format!("the input of `{name_text}`");
    // A module may have the name of a function: `name()` runs it, `name::item()`
    // describes it.
    Ok(quote! {
        #function

        #[doc(hidden)]
        #visibility mod #name {
            #[allow(unused_imports)]
            use super::*;

            #input_definition

            /// The function as an item of a plugin.
            pub fn item() -> ::distri_guest::Item {
                ::distri_guest::Item {
                    name: #name_text,
                    description: #description,
                    version: env!("CARGO_PKG_VERSION"),
                    parameters: ::distri_guest::__private::parameters::<#input_type>,
                    run: |text, context| {
                        ::std::boxed::Box::pin(async move {
                            let _ = &context;
                            let input: #input_type = match ::distri_guest::__private::serde_json::from_str(&text) {
                                Ok(input) => input,
                                Err(error) => {
                                    return ::distri_guest::__private::fail(
                                        ::std::format!("{} does not fit: {error}", #docs_of_input),
                                    );
                                }
                            };
                            let _ = &input;
                            ::distri_guest::__private::#answer(super::#name(#(#arguments),*)#wait)
                        })
                    },
                }
            }
        }
    })
}

/// The function's parameters, and the arguments that fill them from `input` and
/// `context`. Attributes on parameters, their docs, are taken off the function.
fn take_parameters(kind: &str, function: &mut ItemFn) -> Result<(Vec<Parameter>, Vec<Tokens>)> {
    let mut parameters = Vec::new();
    let mut arguments = Vec::new();
    for argument in &mut function.sig.inputs {
        let FnArg::Typed(PatType { attrs, pat, ty, .. }) = argument else {
            return Err(Error::new_spanned(
                argument,
                format!("a {kind} is a plain function, without `self`"),
            ));
        };
        let Pat::Ident(binding) = &**pat else {
            return Err(Error::new_spanned(
                pat,
                "a parameter needs a name: it becomes a field of the input",
            ));
        };
        if matches!(&**ty, Type::Reference(_)) {
            return Err(Error::new_spanned(
                ty,
                "a parameter cannot be a reference: take `String` for `&str`, `Context` for `&Context`",
            ));
        }
        let docs = std::mem::take(attrs);
        if last_segment(ty).is_some_and(|segment| segment == "Context") {
            arguments.push(quote!(context));
        } else {
            let name = binding.ident.clone();
            arguments.push(quote!(input.#name));
            parameters.push(Parameter { name, ty: (**ty).clone(), docs });
        }
    }
    Ok((parameters, arguments))
}

/// The rules for names that the host has, at compile time.
fn check_name(kind: &str, at: &syn::Ident, name: &str) -> Result<()> {
    let problem = if name.len() > 30 {
        Some("it is longer than 30 characters")
    } else if name.split('_').any(str::is_empty) {
        Some("`_` must stand singly between letters or digits")
    } else {
        None
    };
    match problem {
        Some(problem) => {
            Err(Error::new(at.span(), format!("`{name}` cannot be a {kind}'s name: {problem}")))
        }
        None => Ok(()),
    }
}

fn last_segment(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

/// The text of doc comments, with lines joined and paragraphs kept.
fn doc_text(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
        .filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(meta) => match &meta.value {
                Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => {
                    Some(text.value().trim().to_owned())
                }
                _ => None,
            },
            _ => None,
        })
        .collect();
    let paragraphs: Vec<String> = lines
        .split(String::is_empty)
        .filter(|paragraph| !paragraph.is_empty())
        .map(|paragraph| paragraph.join(" "))
        .collect();
    paragraphs.join("\n\n")
}
