//! Folders of embedding models whose settings, tokenizers and lists of tensors lie.

use std::path::Path;

/// A file that takes the place of the one in a sound folder.
pub struct Replaced {
    pub file: &'static str,
    pub content: Vec<u8>,
    /// The refusal holds one of these.
    pub says: Vec<&'static str>,
}

const CONFIG: &str = r#"{"model_type":"bert","vocab_size":10,"hidden_size":8,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":16,"max_position_embeddings":32}"#;
const WORDS: &str = "embeddings.word_embeddings.weight";

fn weights(list: &str, bytes: usize) -> Vec<u8> {
    [&(list.len() as u64).to_le_bytes()[..], list.as_bytes(), &vec![0; bytes]].concat()
}

fn words(shape: &str, offsets: &str) -> String {
    format!(r#"{{"{WORDS}":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
}

/// Writes a sound folder.
pub fn sound(folder: &Path) {
    let put = |name: &str, content: &[u8]| std::fs::write(folder.join(name), content).unwrap();
    put("config.json", CONFIG.as_bytes());
    put("tokenizer.json", b"{}");
    put("model.safetensors", &weights(&words("[10,8]", "[0,320]"), 320));
}

pub fn cases() -> Vec<Replaced> {
    let mut cases = settings();
    cases.extend(lists_of_tensors());
    cases.extend(small_files());
    cases
}

fn settings() -> Vec<Replaced> {
    let mut cases = Vec::new();
    let mut add = |content: Vec<u8>, says: &[&'static str]| {
        cases.push(Replaced { file: "config.json", content, says: says.to_vec() });
    };
    for broken in ["", "{", "[]", "null", "7", "\"bert\"", "{}", "{\"model_type\":\"bert\"}", "{'model_type':'bert'}"] {
        add(broken.into(), &["config.json of the model is damaged"]);
    }
    add("[".repeat(100_000).into(), &["damaged"]);
    add(format!("{{\"x\":{}1{}}}", "[".repeat(200), "]".repeat(200)).into(), &["damaged"]);
    add(vec![0xff, 0xfe, b'{', 0], &["not text"]);
    add(vec![0; 100], &["damaged"]);
    add(vec![b' '; (1 << 20) + 1], &["too large"]);
    let figures = [
        "vocab_size",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
        "max_position_embeddings",
    ];
    for figure in figures {
        let begin = CONFIG.find(&format!("\"{figure}\":")).unwrap() + figure.len() + 3;
        let end = begin + CONFIG[begin..].find([',', '}']).unwrap();
        for lie in ["0", "2147483648", "4294967296", "18446744073709551615"] {
            add(format!("{}{lie}{}", &CONFIG[..begin], &CONFIG[end..]).into(), &["make no sense"]);
        }
        for lie in ["-1", "1.5", "1e400", "18446744073709551616", "\"8\"", "[8]", "null", "true"] {
            add(
                format!("{}{lie}{}", &CONFIG[..begin], &CONFIG[end..]).into(),
                &["config.json of the model is damaged"],
            );
        }
    }
    for (added, says) in [
        ("\"hidden_act\":\"gelu_new\"", "activation"),
        ("\"hidden_act\":7", "damaged"),
        ("\"position_embedding_type\":\"relative_key\"", "position"),
        ("\"type_vocab_size\":0", "make no sense"),
        ("\"type_vocab_size\":17", "make no sense"),
        ("\"layer_norm_eps\":\"small\"", "damaged"),
        ("\"hidden_size\":8", "damaged"),
    ] {
        add(format!("{{{added},{}", &CONFIG[1..]).into(), &[says]);
    }
    add(CONFIG.replace("\"bert\"", "\"llama\"").into(), &["only \"bert\""]);
    add(CONFIG.replace("\"bert\"", &format!("\"{}\"", "b".repeat(100_000))).into(), &["only \"bert\""]);
    add(CONFIG.replace("\"num_attention_heads\":2", "\"num_attention_heads\":3").into(), &["make no sense"]);
    cases
}

fn lists_of_tensors() -> Vec<Replaced> {
    let mut cases = Vec::new();
    let mut add = |content: Vec<u8>, says: &[&'static str]| {
        cases.push(Replaced { file: "model.safetensors", content, says: says.to_vec() });
    };
    add(Vec::new(), &["empty"]);
    add(b"1234567".to_vec(), &["cut short"]);
    for length in [1, 1 << 31, 1 << 32, 1 << 63, u64::MAX, u64::MAX - 7] {
        add(length.to_le_bytes().to_vec(), &["cut short"]);
    }
    for list in ["", "{", "[]", "null", "7", "{\"a\":1}", "{\"a\":{}}", "{\"a\":{\"shape\":[1]}}"] {
        add(weights(list, 64), &["model.safetensors of the model is damaged"]);
    }
    add(weights(&"[".repeat(1 << 20), 64), &["damaged"]);
    add(weights(&format!("{}{}", "{\"a\":".repeat(1000), "}".repeat(1000)), 64), &["damaged"]);
    for offsets in ["[0,321]", "[320,0]", "[1,18446744073709551615]", "[18446744073709551615,18446744073709551615]"] {
        add(weights(&words("[10,8]", offsets), 320), &["ends before"]);
    }
    for offsets in ["[0]", "[0,1,2]", "[-1,320]", "[0,1e3]", "\"0,320\"", "null", "[0,18446744073709551616]"] {
        add(weights(&words("[10,8]", offsets), 320), &["model.safetensors of the model is damaged"]);
    }
    for shape in ["[10,8,5]", "[4294967296,4294967296]", "[18446744073709551615,2]", "[321]"] {
        add(weights(&words(shape, "[0,320]"), 320), &["no sensible size"]);
    }
    for shape in ["[8,10]", "[10]", "[]", "[0,8]", "[9,8]", "[10,7]", "[80]"] {
        add(weights(&words(shape, "[0,320]"), 320), &["not the one of config.json"]);
    }
    add(weights("{}", 64), &["other names"]);
    add(weights("{\"__metadata__\":7}", 64), &["other names"]);
    add(weights(&words("[10,8]", "[0,320]").replace(WORDS, "wte.weight"), 320), &["other names"]);
    cases
}

fn small_files() -> Vec<Replaced> {
    let mut cases = Vec::new();
    let mut add = |file: &'static str, content: &str, says: &'static str| {
        cases.push(Replaced { file, content: content.into(), says: vec![says] });
    };
    add("tokenizer.json", "", "it is empty");
    for file in
        ["sentence_bert_config.json", "modules.json", "1_Pooling/config.json", "config_sentence_transformers.json"]
    {
        for broken in ["", "{", "7", "\u{0}"] {
            add(file, broken, "damaged");
        }
    }
    for length in ["0", "7"] {
        add("sentence_bert_config.json", &format!("{{\"max_seq_length\":{length}}}"), "cannot be told apart");
    }
    for length in ["-1", "\"9\"", "1.5", "18446744073709551616"] {
        add("sentence_bert_config.json", &format!("{{\"max_seq_length\":{length}}}"), "damaged");
    }
    for kind in ["sentence_transformers.models.Dense", "os.system", "", "Normalize; import os"] {
        add("modules.json", &format!("[{{\"type\":\"{kind}\"}}]"), "needs the module");
    }
    add("modules.json", "[{\"kind\":\"Transformer\"}]", "damaged");
    add("1_Pooling/config.json", "{}", "pooling");
    add("1_Pooling/config.json", "{\"pooling_mode_cls_token\":true,\"pooling_mode_mean_tokens\":true}", "pooling");
    add("1_Pooling/config.json", "{\"pooling_mode_cls_token\":1}", "damaged");
    add("config_sentence_transformers.json", "{\"prompts\":[]}", "damaged");
    add("config_sentence_transformers.json", "{\"prompts\":{\"query\":7}}", "damaged");
    let long = format!("{{\"prompts\":{{\"query\":\"{}\"}}}}", "q".repeat(2000));
    add("config_sentence_transformers.json", &long, "too long");
    cases
}
