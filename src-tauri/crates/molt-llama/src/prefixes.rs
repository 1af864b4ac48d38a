//! What embedding models want to be told before a text. A folder of safetensors says it itself; a GGUF file does not, so it is known here
//! by architecture and name.

/// The task of these models that are told one: that of their examples.
const TASK: &str = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:";

/// What stands before a text, by what it is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prefixes {
    pub query: &'static str,
    pub passage: &'static str,
}

impl Prefixes {
    const NONE: Self = Self { query: "", passage: "" };

    /// Of a model of this architecture; `names`: what its file calls it, and what the file is called.
    pub fn of(architecture: &str, names: &[&str]) -> Self {
        let plain = |name: &&str| {
            let words: String =
                name.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
            format!("-{words}-")
        };
        let names: Vec<String> = names.iter().map(plain).collect();
        let is = |part: &str| names.iter().any(|name| name.contains(part));
        match architecture {
            // https://huggingface.co/google/embeddinggemma-300m, "Prompt Instructions"
            "gemma-embedding" => Self { query: "task: search result | query: ", passage: "title: none | text: " },
            // https://huggingface.co/Qwen/Qwen3-Embedding-0.6B, "Usage"
            "qwen3" => Self { query: TASK, ..Self::NONE },
            // https://huggingface.co/nomic-ai/nomic-embed-text-v1.5, "Task instruction prefixes"; the same of v2-moe
            "nomic-bert" | "nomic-bert-moe" => Self { query: "search_query: ", passage: "search_document: " },
            // https://huggingface.co/intfloat/e5-mistral-7b-instruct and multilingual-e5-large-instruct, "Usage"
            _ if is("-e5-") && is("-instruct-") => Self { query: TASK, ..Self::NONE },
            // https://huggingface.co/intfloat/multilingual-e5-base, "FAQ"
            _ if is("-e5-") => Self { query: "query: ", passage: "passage: " },
            // https://huggingface.co/BAAI/bge-large-en-v1.5, "Model List"; BGE-M3 wants none
            "bert" if is("-bge-") && is("-en-") => {
                Self { query: "Represent this sentence for searching relevant passages: ", ..Self::NONE }
            }
            "bert" if is("-bge-") && is("-zh-") => {
                Self { query: "为这个句子生成表示以用于检索相关文章：", ..Self::NONE }
            }
            _ => Self::NONE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_known_by_architecture_and_by_name() {
        let query = |architecture, names: &[&str]| Prefixes::of(architecture, names).query;
        assert_eq!(query("gemma-embedding", &[]), "task: search result | query: ");
        assert!(query("qwen3", &["Qwen3 Embedding 0.6B"]).ends_with("\nQuery:"));
        assert_eq!(Prefixes::of("nomic-bert", &[]).passage, "search_document: ");
        assert_eq!(query("bert", &["", "multilingual-e5-base-Q8_0"]), "query: ");
        assert_eq!(query("bert", &["Multilingual E5 Large", "model"]), "query: ");
        assert!(query("bert", &["Multilingual E5 Large Instruct"]).starts_with("Instruct: "));
        assert!(query("bert", &["bge-small-en-v1.5"]).starts_with("Represent"));
        assert!(query("bert", &["Bge Small Zh v1.5"]).starts_with("为这个句子"));
        for name in ["bge-m3", "all-MiniLM-L6-v2", "some5e5model"] {
            assert_eq!(Prefixes::of("bert", &[name]), Prefixes::NONE, "{name}");
        }
    }
}
