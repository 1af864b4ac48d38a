//! A model's chat template: how a conversation is written down for it.
//!
//! Templates are Jinja programs from the model's file, written for Python's Jinja2 as transformers sets it up
//! (<https://huggingface.co/docs/transformers/chat_templating>).

use std::{fmt, io, sync::Arc};

use minijinja::{Environment, Error, ErrorKind, context};
use molt_core::{PromptMessage, Role};
use serde::Serialize;

use super::runaway::{Stop, within_limits};
use crate::protocol::WireError;

const NAME: &str = "chat";
const GREETING: &str = "Hello";
/// Steps of the program. Those of published models take some hundreds for a message, and no context holds ten thousand messages.
const FUEL: u64 = 2_000_000;
/// How deep macros and loops may call each other.
const DEPTH: usize = 200;
/// Bytes that a template may add to the texts that it is given.
const MAX_ADDED: usize = 1 << 20;

/// Why there is no prompt. Shown, it is a part of a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateError {
    Fails(String),
    Endless,
    TooMuch,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fails(reason) => reason,
            Self::Endless => "the model's chat template does not end",
            Self::TooMuch => "the model's chat template makes far too much of the conversation",
        })
    }
}

impl TemplateError {
    /// Why a model with this template is not loaded.
    pub fn refusal(&self) -> WireError {
        match self {
            Self::Fails(reason) => WireError::BadModel {
                text: format!("The model cannot be used for conversations: its chat template fails ({reason})."),
            },
            // Another engine would be told the same.
            Self::Endless | Self::TooMuch => WireError::Failed {
                text: format!("The model cannot be used for conversations: {self}. Choose another file of this model."),
            },
        }
    }
}

impl From<Stop> for TemplateError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Time => Self::Endless,
            Stop::Memory => Self::TooMuch,
            Stop::Failure => Self::Fails("it cannot be run".into()),
        }
    }
}

impl From<Error> for TemplateError {
    fn from(error: Error) -> Self {
        // What is wrong in a template that this one includes stands behind the first error.
        fn inner<'a>(error: &&'a Error) -> Option<&'a Error> {
            std::error::Error::source(*error)?.downcast_ref()
        }
        for error in std::iter::successors(Some(&error), inner) {
            match error.kind() {
                ErrorKind::OutOfFuel => return Self::Endless,
                ErrorKind::WriteFailure => return Self::TooMuch,
                ErrorKind::InvalidOperation
                    if error.detail().is_some_and(|detail| detail.contains("recursion limit")) =>
                {
                    return Self::Endless;
                }
                _ => {}
            }
        }
        Self::Fails(error.to_string().lines().next().unwrap_or_default().chars().take(300).collect())
    }
}

pub struct Template {
    environment: Arc<Environment<'static>>,
    bos: String,
    eos: String,
}

#[derive(Serialize)]
struct Turn {
    role: &'static str,
    content: String,
}

impl Template {
    /// `bos` and `eos`: the texts of the tokens that begin and end a sequence.
    pub fn new(source: &str, bos: String, eos: String) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.set_lstrip_blocks(true);
        environment.set_trim_blocks(true);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(DEPTH);
        environment.add_function("raise_exception", |text: String| -> Result<String, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, text))
        });
        environment.add_function("strftime_now", |format: String| -> Result<String, Error> {
            jiff::fmt::strtime::format(&format, &jiff::Zoned::now())
                .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
        });
        // Python reverses by a slice, and marks the assistant's part for training.
        let source =
            source.replace("[::-1]", "|reverse").replace("{% generation %}", "").replace("{% endgeneration %}", "");
        // Constant parts are computed while it is read.
        let environment = within_limits(move || environment.add_template_owned(NAME, source).map(|()| environment))??;
        Ok(Self { environment: Arc::new(environment), bos, eos })
    }

    /// What is wrong with a template that a person gives, found by laying out a greeting.
    pub fn check(source: &str) -> Option<WireError> {
        let template = Self::new(source, "<s>".into(), "</s>".into());
        let laid_out = template.and_then(|template| template.render(vec![(Role::User, GREETING.into())], false));
        let reason = match laid_out {
            Ok(text) if text.contains(GREETING) => return None,
            Ok(_) => "it leaves out what is said".to_owned(),
            Err(error) => error.to_string(),
        };
        Some(WireError::Failed { text: format!("The chat template cannot be used: {reason}.") })
    }

    /// The conversation as text, up to where the answer begins. `think`: what models that can think first are told.
    ///
    /// After an error that tells of a limit this process may have to end: see `runaway`.
    pub fn render(&self, messages: Vec<(Role, String)>, think: bool) -> Result<String, TemplateError> {
        let given = messages.iter().map(|(_, content)| content.len()).fold(MAX_ADDED, usize::saturating_add);
        let messages: Vec<Turn> =
            messages.into_iter().map(|(role, content)| Turn { role: name(role), content }).collect();
        let (environment, bos, eos) = (self.environment.clone(), self.bos.clone(), self.eos.clone());
        // Fuel counts steps; one step may make a text a thousand times as long, and some functions never return.
        let text = within_limits(move || {
            let context = context! {
                messages,
                add_generation_prompt => true,
                bos_token => bos,
                eos_token => eos,
                enable_thinking => think,
                date_string => jiff::Zoned::now().strftime("%d %b %Y").to_string(),
            };
            let mut text = Limited { text: Vec::new(), limit: given };
            environment.get_template(NAME)?.render_captured_to(context, &mut text)?;
            Ok::<_, Error>(text.text)
        })??;
        String::from_utf8(text).map_err(|error| TemplateError::Fails(error.to_string()))
    }
}

/// What a template has written.
struct Limited {
    text: Vec<u8>,
    limit: usize,
}

impl io::Write for Limited {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if more.len() > self.limit - self.text.len() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.text.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The messages with `change` done to their texts.
pub fn turns(messages: &[PromptMessage], change: impl Fn(&str) -> String) -> Vec<(Role, String)> {
    messages.iter().map(|message| (message.role, change(&message.text))).collect()
}

fn name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(source: &str, messages: &[(Role, &str)]) -> Result<String, TemplateError> {
        let messages: Vec<(Role, String)> = messages.iter().map(|(role, text)| (*role, (*text).to_owned())).collect();
        Template::new(source, "<s>".into(), "</s>".into())?.render(messages, false)
    }

    #[test]
    fn a_model_thinks_when_it_is_told_to() {
        let source = "{% if not enable_thinking %}<think></think>{% endif %}";
        let template = Template::new(source, String::new(), String::new()).unwrap();
        assert_eq!(template.render(Vec::new(), false).unwrap(), "<think></think>");
        assert_eq!(template.render(Vec::new(), true).unwrap(), "");
    }

    #[test]
    fn a_conversation_is_laid_out() {
        let source = "{{ bos_token }}{% for message in messages %}\n<{{ message['role'] }}>{{ message.content.strip() }}{{ eos_token }}\n{% endfor %}\n{% if add_generation_prompt %}<assistant>{% endif %}";
        let text = render(source, &[(Role::System, " Be brief. "), (Role::User, "你好")]).unwrap();
        assert_eq!(text, "<s><system>Be brief.</s>\n<user>你好</s>\n<assistant>");
    }

    #[test]
    fn what_python_templates_use_is_understood() {
        let source = "{% set ns = namespace(n=0) %}{% for m in messages[::-1] %}{% set ns.n = loop.index %}{{ m.role.upper() }}{% endfor %}{{ ns.n }}";
        assert_eq!(render(source, &[(Role::User, "a"), (Role::Assistant, "b")]).unwrap(), "ASSISTANTUSER2");
    }

    #[test]
    fn templates_without_end_run_out_of_fuel() {
        let nested = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}";
        for source in [
            nested,
            "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
            "{% macro one() %}{{ two() }}{% endmacro %}{% macro two() %}{{ one() }}{% endmacro %}{{ two() }}",
            "{% macro twice(n) %}{{ twice(n) ~ twice(n) }}{% endmacro %}{{ twice(1) }}",
            "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
            "{% include 'chat' %}",
            &"{% for a in range(9) %}".repeat(20),
        ] {
            let closed = format!("{source}{}", "{% endfor %}".repeat(20 * usize::from(source.contains("range(9)"))));
            let begun = std::time::Instant::now();
            assert_eq!(render(&closed, &[]).unwrap_err(), TemplateError::Endless, "{source}");
            println!("{:?} for {}", begun.elapsed(), &source[..source.len().min(60)]);
        }
    }

    #[test]
    fn a_template_writes_little_more_than_it_is_given() {
        let doubled = "{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}";
        assert_eq!(render(doubled, &[(Role::User, &"a".repeat(500_000))]).unwrap().len(), 1_000_000);
        for (source, given) in [
            ("{{ 'a' * 2000000 }}", 0),
            ("{% for n in range(99999) %}{{ 'many words of no use' }}{% endfor %}", 0),
            (doubled, 1 << 21),
        ] {
            let told = render(source, &[(Role::User, &"a".repeat(given))]).map(|text| text.len());
            assert_eq!(told, Err(TemplateError::TooMuch), "{source}");
        }
        for source in ["{{ range(10**9) | list }}", "{{ 'a' * 10**9 }}"] {
            let refusal = render(source, &[]).unwrap_err().to_string();
            assert!(refusal.contains("too many") || refusal.contains("too large"), "{refusal}");
        }
    }

    #[test]
    fn a_long_conversation_has_fuel_enough() {
        let source = "{% set ns = namespace(last=-1) %}{% for m in messages[::-1] %}{% if ns.last < 0 and m.role == 'user' %}{% set ns.last = loop.index %}{% endif %}{% endfor %}{% for m in messages %}{% if m.role == 'system' %}[{{ m.content | trim }}]{% elif m.role == 'user' and loop.index0 < 9999 %}<{{ m.content | trim }}>{% else %}{% set text = m.content.split('</think>') | last %}{{ text | trim ~ eos_token }}{% endif %}{% endfor %}";
        let messages: Vec<_> =
            (0..4000).map(|n| (if n % 2 == 0 { Role::User } else { Role::Assistant }, "word")).collect();
        assert!(render(source, &messages).unwrap().ends_with("word</s>"));
    }

    #[test]
    fn broken_and_unwilling_templates_are_refused_in_a_line() {
        assert!(render(&"(".repeat(1000).replacen('(', "{{ (", 1), &[]).unwrap_err().to_string().contains("recursion"));
        assert!(render("{% for", &[]).unwrap_err().to_string().lines().count() == 1);
        let refusal = render("{{ raise_exception('roles must alternate') }}", &[]).unwrap_err().to_string();
        assert!(refusal.contains("roles must alternate"), "{refusal}");
        assert!(render("{{ strftime_now('%Q %') }}", &[]).is_err());
        assert_eq!(render("{{ strftime_now('%Y') | length }}", &[]).unwrap(), "4");
    }
}
