//! A model's chat template: how a conversation is written down for it.
//!
//! Templates are Jinja programs from the model's file, written for Python's Jinja2 as transformers sets it up
//! (<https://huggingface.co/docs/transformers/chat_templating>).

use minijinja::{Environment, Error, ErrorKind, context};
use molt_core::{PromptMessage, Role};
use serde::Serialize;

const NAME: &str = "chat";

pub struct Template {
    environment: Environment<'static>,
    bos: String,
    eos: String,
}

#[derive(Serialize)]
struct Turn<'a> {
    role: &'static str,
    content: &'a str,
}

impl Template {
    /// `bos` and `eos`: the texts of the tokens that begin and end a sequence.
    pub fn new(source: &str, bos: String, eos: String) -> Result<Self, String> {
        let mut environment = Environment::new();
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.set_lstrip_blocks(true);
        environment.set_trim_blocks(true);
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
        environment.add_template_owned(NAME, source).map_err(|error| plain(&error))?;
        Ok(Self { environment, bos, eos })
    }

    /// The conversation as text, up to where the answer begins. `think`: what models that can think first are told.
    pub fn render(&self, messages: &[(Role, String)], think: bool) -> Result<String, String> {
        let turns: Vec<Turn> = messages.iter().map(|(role, content)| Turn { role: name(*role), content }).collect();
        let template = self.environment.get_template(NAME).map_err(|error| plain(&error))?;
        let given = context! {
            messages => turns,
            add_generation_prompt => true,
            bos_token => self.bos,
            eos_token => self.eos,
            enable_thinking => think,
            date_string => jiff::Zoned::now().strftime("%d %b %Y").to_string(),
        };
        template.render(given).map_err(|error| plain(&error))
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

fn plain(error: &Error) -> String {
    error.to_string().lines().next().unwrap_or_default().chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(source: &str, messages: &[(Role, &str)]) -> Result<String, String> {
        let messages: Vec<(Role, String)> = messages.iter().map(|(role, text)| (*role, (*text).to_owned())).collect();
        Template::new(source, "<s>".into(), "</s>".into())?.render(&messages, false)
    }

    #[test]
    fn a_model_thinks_when_it_is_told_to() {
        let source = "{% if not enable_thinking %}<think></think>{% endif %}";
        let template = Template::new(source, String::new(), String::new()).unwrap();
        assert_eq!(template.render(&[], false).unwrap(), "<think></think>");
        assert_eq!(template.render(&[], true).unwrap(), "");
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
    fn broken_and_unwilling_templates_are_refused_in_a_line() {
        assert!(render("{% for", &[]).unwrap_err().lines().count() == 1);
        let refusal = render("{{ raise_exception('roles must alternate') }}", &[]).unwrap_err();
        assert!(refusal.contains("roles must alternate"), "{refusal}");
        assert!(render("{{ strftime_now('%Q %') }}", &[]).is_err());
        assert_eq!(render("{{ strftime_now('%Y') | length }}", &[]).unwrap(), "4");
    }
}
