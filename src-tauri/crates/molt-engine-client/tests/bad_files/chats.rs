//! Folders of chat models whose settings, tokenizers and lists of tensors lie.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{folders::Replaced, maker::bytes_as_tokens};

const MARKERS: [&str; 3] = ["<|im_start|>", "<|im_end|>", "<|endoftext|>"];
const TEMPLATE: &str = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}{{ '<|im_start|>assistant\\n' }}";
pub(super) const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";
const PART: &str = "model-00001-of-00001.safetensors";

pub(super) fn config() -> Map<String, Value> {
    let config = json!({
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "vocab_size": 259,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "hidden_act": "silu",
        "max_position_embeddings": 512,
        "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0,
        "sliding_window": null,
        "tie_word_embeddings": true,
        "max_window_layers": 2,
        "use_sliding_window": false,
        "eos_token_id": 257,
    });
    config.as_object().unwrap().clone()
}

/// The names and shapes of the weights.
pub(super) fn tensors() -> Vec<(String, Vec<u64>)> {
    let mut tensors =
        vec![("model.embed_tokens.weight".to_owned(), vec![259, 64]), ("model.norm.weight".to_owned(), vec![64])];
    for layer in 0..2 {
        for (name, shape) in [
            ("input_layernorm", vec![64]),
            ("post_attention_layernorm", vec![64]),
            ("self_attn.q_norm", vec![16]),
            ("self_attn.k_norm", vec![16]),
            ("self_attn.q_proj", vec![64, 64]),
            ("self_attn.k_proj", vec![32, 64]),
            ("self_attn.v_proj", vec![32, 64]),
            ("self_attn.o_proj", vec![64, 64]),
            ("mlp.gate_proj", vec![128, 64]),
            ("mlp.up_proj", vec![128, 64]),
            ("mlp.down_proj", vec![64, 128]),
        ] {
            tensors.push((format!("model.layers.{layer}.{name}.weight"), shape));
        }
    }
    tensors
}

/// A safetensors file with weights of zero.
pub(super) fn weights(tensors: &[(String, Vec<u64>)], kind: &str, width: u64) -> Vec<u8> {
    let (mut list, mut end) = (Map::new(), 0);
    for (name, shape) in tensors {
        let begin = end;
        end += shape.iter().product::<u64>() * width;
        list.insert(name.clone(), json!({ "dtype": kind, "shape": shape, "data_offsets": [begin, end] }));
    }
    file(&Value::Object(list).to_string(), end as usize)
}

pub(super) fn file(list: &str, bytes: usize) -> Vec<u8> {
    [&(list.len() as u64).to_le_bytes()[..], list.as_bytes(), &vec![0; bytes]].concat()
}

fn tokenizer() -> Value {
    let tokens = bytes_as_tokens();
    let vocab: Map<String, Value> =
        tokens.iter().enumerate().map(|(id, token)| (String::from_utf8(token.clone()).unwrap(), json!(id))).collect();
    let added: Vec<Value> = MARKERS
        .iter()
        .enumerate()
        .map(|(at, text)| {
            json!({ "id": 256 + at, "content": text, "special": true, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false })
        })
        .collect();
    let bytes = json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": true });
    json!({
        "version": "1.0",
        "added_tokens": added,
        "normalizer": null,
        "pre_tokenizer": bytes,
        "post_processor": null,
        "decoder": bytes,
        "model": { "type": "BPE", "vocab": vocab, "merges": [], "unk_token": null, "dropout": null },
    })
}

/// Writes a folder that mistral.rs loads: a whole Qwen3 of two layers with all bytes as its tokens.
pub fn sound(folder: &Path) {
    let put = |name: &str, content: &[u8]| std::fs::write(folder.join(name), content).unwrap();
    put("config.json", Value::Object(config()).to_string().as_bytes());
    put("tokenizer.json", tokenizer().to_string().as_bytes());
    let described = json!({ "eos_token": "<|im_end|>", "bos_token": null, "chat_template": TEMPLATE });
    put("tokenizer_config.json", described.to_string().as_bytes());
    put(SINGLE, &weights(&tensors(), "F32", 4));
}

/// The classes that can be run.
pub const CLASSES: [&str; 9] = ["Gemma", "Gemma2", "Glm4", "Llama", "Mistral", "Phi3", "Qwen2", "Qwen3", "SmolLM3"];

/// Writes a folder of a model of this class, as transformers names its figures and tensors.
pub fn of_class(class: &str, folder: &Path) {
    sound(folder);
    let mut config = config();
    let mut set = |name: &str, value: Value| drop(config.insert(name.into(), value));
    set("architectures", json!([format!("{class}ForCausalLM")]));
    set("model_type", json!(class.to_lowercase()));
    let vector = |name: &str| (format!("{name}.weight"), vec![64]);
    let matrix = |name: &str, rows: u64, width: u64| (format!("{name}.weight"), vec![rows, width]);
    let bias = |name: &str, width: u64| (format!("{name}.bias"), vec![width]);
    let norms = [vector("input_layernorm"), vector("post_attention_layernorm")];
    let attention = [("q_proj", 64), ("k_proj", 32), ("v_proj", 32)];
    let apart = || attention.iter().map(|(name, rows)| matrix(&format!("self_attn.{name}"), *rows, 64));
    let biases = || attention.iter().map(|(name, rows)| bias(&format!("self_attn.{name}"), *rows));
    let feed = [
        matrix("self_attn.o_proj", 64, 64),
        matrix("mlp.gate_proj", 128, 64),
        matrix("mlp.up_proj", 128, 64),
        matrix("mlp.down_proj", 64, 128),
    ];
    let joined =
        [matrix("mlp.gate_up_proj", 256, 64), matrix("mlp.down_proj", 64, 128), matrix("self_attn.o_proj", 64, 64)];
    let others = vec![vector("model.norm")];
    let mut layer: Vec<(String, Vec<u64>)> = norms.to_vec();
    match class {
        "Phi3" => {
            set("original_max_position_embeddings", json!(512));
            set("head_dim", Value::Null);
            layer.extend(joined);
            layer.push(matrix("self_attn.qkv_proj", 128, 64));
        }
        "Glm4" => {
            set("partial_rotary_factor", json!(0.5));
            set("attention_bias", json!(true));
            layer.extend(apart().chain(biases()).chain(joined));
            layer.extend([vector("post_self_attn_layernorm"), vector("post_mlp_layernorm")]);
        }
        _ => layer.extend(apart().chain(feed)),
    }
    match class {
        "Qwen2" => layer.extend(biases()),
        "Qwen3" => {
            layer.extend(["q_norm", "k_norm"].map(|name| (format!("self_attn.{name}.weight"), vec![16])));
        }
        "SmolLM3" => set("no_rope_layer_interval", json!(4)),
        "Gemma" | "Gemma2" => {
            set("hidden_activation", json!("gelu_pytorch_tanh"));
            set("attention_bias", json!(false));
        }
        _ => {}
    }
    if class == "Gemma2" {
        layer.extend([vector("pre_feedforward_layernorm"), vector("post_feedforward_layernorm")]);
        set("sliding_window", json!(256));
        set("query_pre_attn_scalar", json!(16));
        set("attn_logit_softcapping", json!(50.0));
        set("final_logit_softcapping", json!(30.0));
    }
    let mut tensors = vec![matrix("model.embed_tokens", 259, 64)];
    tensors.extend(others);
    for number in 0..2 {
        tensors.extend(layer.iter().map(|(name, shape)| (format!("model.layers.{number}.{name}"), shape.clone())));
    }
    std::fs::write(folder.join("config.json"), Value::Object(config).to_string()).unwrap();
    std::fs::write(folder.join(SINGLE), weights(&tensors, "BF16", 2)).unwrap();
}

/// A sound folder whose weights are in parts that a list names.
pub fn sound_in_parts(folder: &Path) {
    sound(folder);
    std::fs::rename(folder.join(SINGLE), folder.join(PART)).unwrap();
    std::fs::write(folder.join(INDEX), index(PART)).unwrap();
}

fn index(part: &str) -> String {
    let places: Map<String, Value> = tensors().into_iter().map(|(name, _)| (name, json!(part))).collect();
    json!({ "weight_map": places }).to_string()
}

/// Refused from outside.
pub fn refused() -> Vec<Replaced> {
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
    let figures = [
        "vocab_size",
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "head_dim",
        "max_position_embeddings",
    ];
    let changed = |name: &str, value: Value| {
        let mut config = config();
        config.insert(name.to_owned(), value);
        Value::Object(config).to_string().into_bytes()
    };
    for figure in figures {
        for lie in [json!(0), json!(1_u64 << 31), json!(u64::MAX)] {
            add(changed(figure, lie), &["makes no sense"]);
        }
        for lie in [json!(-1), json!(1.5), json!("8"), json!([8]), json!(true)] {
            add(changed(figure, lie), &["config.json of the model is damaged"]);
        }
    }
    for (name, value, says) in [
        ("architectures", json!(["Qwen3ForCausalLM", "LlamaForCausalLM"]), "names 2 model classes"),
        ("architectures", json!(["WobblyForCausalLM"]), "\"WobblyForCausalLM\" is not supported"),
        ("architectures", json!(["Qwen3MoeForCausalLM"]), "Look for a GGUF file"),
        ("architectures", json!(["Gemma3ForConditionalGeneration"]), "Look for a GGUF file"),
        ("architectures", json!([format!("{}ForCausalLM", "b".repeat(100_000))]), "is not supported"),
        ("architectures", json!(["LlamaForCausalLM"]), "its architecture is not the one of its class"),
        ("model_type", json!("llama"), "its architecture is not the one of its class"),
        ("model_type", json!("../qwen3"), "impossible name"),
        ("model_type", json!(""), "impossible name"),
        ("model_type", json!(7), "damaged"),
        ("quantization_config", json!({ "quant_method": "gptq" }), "by the method \"gptq\""),
        ("quantization_config", json!("fp8"), "already quantised"),
        ("num_key_value_heads", json!(3), "4 heads over 3"),
        ("num_attention_heads", json!(5), "5 heads over 2"),
        ("num_hidden_layers", json!(3), "the weights of layer 2 are missing"),
        ("num_hidden_layers", json!(1), "the weights have 2 layers"),
        ("vocab_size", json!(260), "its vocabulary is not the one"),
        ("hidden_size", json!(128), "its vocabulary is not the one"),
        ("eos_token_id", json!(259), "end token 259 is not in its vocabulary"),
        ("eos_token_id", json!([257, 1000]), "end token 1000 is not in its vocabulary"),
        ("eos_token_id", json!(-1), "damaged"),
        ("eos_token_id", json!("two"), "damaged"),
        ("eos_token_id", json!(vec![1; 1000]), "names 1000 tokens"),
    ] {
        add(changed(name, value), &[says]);
    }
    let mut shared = config();
    shared.remove("head_dim");
    shared.insert("hidden_size".into(), json!(62));
    add(Value::Object(shared).to_string().into(), &["62 dimensions cannot be shared by 4 heads"]);
    cases
}

fn lists_of_tensors() -> Vec<Replaced> {
    let mut cases = Vec::new();
    let mut add = |content: Vec<u8>, says: &'static str| {
        cases.push(Replaced { file: SINGLE, content, says: vec![says] });
    };
    let sound = weights(&tensors(), "F32", 4);
    add(Vec::new(), "it is empty");
    add(b"1234567".to_vec(), "cut short");
    add(u64::MAX.to_le_bytes().to_vec(), "cut short");
    add(sound[..200].to_vec(), "cut short");
    add(sound[..sound.len() / 2].to_vec(), "it ends before the tensor");
    add(sound[..sound.len() - 1].to_vec(), "it ends before the tensor");
    for list in ["", "{", "[]", "7", "{\"a\":1}", "{\"a\":{}}", "{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}"] {
        add(file(list, 64), "model.safetensors of the model is damaged");
    }
    for (kind, width) in [("F64", 8), ("I32", 4), ("U8", 1), ("F8_E4M3", 1), ("wobbly", 1), ("", 4)] {
        add(weights(&tensors(), kind, width), "its weights are in the format");
    }
    add(weights(&tensors(), "F16", 4), "does not lie where it should");
    add(weights(&tensors(), "BF16", 4), "does not lie where it should");
    let entry = |name: &str, shape: &str, offsets: &str| {
        format!("\"{name}\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":{offsets}}}")
    };
    let words = "model.embed_tokens.weight";
    for (shape, offsets, bytes, says) in [
        ("[259,64]", "[4,66308]", 66_308, "does not lie where it should"),
        ("[259,64]", "[66304,0]", 66_304, "it ends before"),
        ("[259,64]", "[0,66304]", 66_308, "more bytes than its tensors take"),
        ("[4294967296,4294967296]", "[0,66304]", 66_304, "no sensible size"),
        ("[18446744073709551615,2]", "[0,66304]", 66_304, "no sensible size"),
        ("[16576]", "[0,66304]", 66_304, "its vocabulary is not the one"),
        ("[64,259]", "[0,66304]", 66_304, "its vocabulary is not the one"),
    ] {
        add(file(&format!("{{{}}}", entry(words, shape, offsets)), bytes), says);
    }
    let overlapping = format!("{{{},{}}}", entry(words, "[259,64]", "[0,66304]"), entry("a", "[259,64]", "[0,66304]"));
    add(file(&overlapping, 66_304), "does not lie where it should");
    add(file("{}", 0), "other names");
    let mut other = tensors();
    other[0].0 = "transformer.wte.weight".into();
    add(weights(&other, "F32", 4), "other names");
    let mut biased = tensors();
    biased.push(("model.layers.0.self_attn.q_proj.bias".into(), vec![64]));
    add(weights(&biased, "F32", 4), "biases, which would be left out");
    cases
}

fn small_files() -> Vec<Replaced> {
    let mut cases = Vec::new();
    let mut add = |file: &'static str, content: &str, says: &'static str| {
        cases.push(Replaced { file, content: content.into(), says: vec![says] });
    };
    for broken in ["{", "7", "[]", "{}", "{\"model\":7}", "\u{0}"] {
        add("tokenizer.json", broken, "tokenizer.json of the model is damaged");
    }
    add("tokenizer.json", "", "it is empty");
    let crowd = vec![Value::Null; 10_001];
    add("tokenizer.json", &json!({ "model": {}, "added_tokens": crowd }).to_string(), "10001 tokens of its own");
    for broken in ["{", "7", "{\"eos_token\":7}", "{\"chat_template\":7}", "{\"chat_template\":[{\"name\":\"a\"}]}"] {
        add("tokenizer_config.json", broken, "tokenizer_config.json of the model is damaged");
    }
    let long = json!({ "eos_token": "<|im_end|>", "chat_template": "{{ 1 }}".repeat(200_000) }).to_string();
    add("tokenizer_config.json", &long, "its chat template is");
    add("chat_template.jinja", &"{{ 1 }}".repeat(200_000), "it is too large");
    add("generation_config.json", "{", "generation_config.json of the model is damaged");
    add("generation_config.json", "{\"eos_token_id\":259}", "end token 259");
    cases
}

/// Lists of parts that lie, each in the place of the one of a sound folder in parts.
pub fn lists_of_parts() -> Vec<Replaced> {
    let mut cases = Vec::new();
    let mut add = |content: String, says: &'static str| {
        cases.push(Replaced { file: INDEX, content: content.into(), says: vec![says] });
    };
    for broken in ["", "{", "7", "{}", "{\"weight_map\":7}", "{\"weight_map\":{\"a\":7}}"] {
        add(broken.into(), "index.json of the model is damaged");
    }
    add("{\"weight_map\":{}}".into(), "it names 0 files");
    for path in [
        "../model.safetensors",
        "/etc/model.safetensors",
        "..",
        "",
        "sub/model.safetensors",
        "sub\\model.safetensors",
        "C:model.safetensors",
        ".hidden.safetensors",
        "model.safetensors\u{0}.safetensors",
        "config.json",
    ] {
        add(index(path), "which is no file of this folder");
    }
    add(index("model-00002-of-00002.safetensors"), "model-00002-of-00002.safetensors is missing");
    let many: Map<String, Value> = (0..1001).map(|n| (format!("t{n}"), json!(format!("{n}.safetensors")))).collect();
    add(json!({ "weight_map": many }).to_string(), "it names 1001 files");
    let mut lying: Value = serde_json::from_str(&index(PART)).unwrap();
    lying["weight_map"]["model.layers.7.mlp.up_proj.weight"] = json!(PART);
    add(lying.to_string(), "model.layers.7.mlp.up_proj.weight is not in it");
    cases
}

/// Looks sound from outside: the worker refuses it or runs it.
pub fn suspicious() -> Vec<Replaced> {
    let mut cases = Vec::new();
    let mut add = |file: &'static str, content: Vec<u8>| cases.push(Replaced { file, content, says: Vec::new() });
    for (name, value) in [
        ("hidden_act", json!("wobbly")),
        ("hidden_act", json!(7)),
        ("rms_norm_eps", json!("small")),
        ("rms_norm_eps", json!(-1.0)),
        ("rope_theta", json!(0.0)),
        ("rope_theta", json!(-1.0)),
        ("rope_theta", Value::Null),
        ("rope_parameters", json!(7)),
        ("rope_scaling", json!({ "type": "wobbly" })),
        ("sliding_window", json!(0)),
        ("max_window_layers", json!("all")),
        ("tie_word_embeddings", json!(false)),
        ("head_dim", json!(32)),
        ("head_dim", json!(1)),
        ("num_key_value_heads", json!(4)),
        ("num_attention_heads", json!(8)),
        ("intermediate_size", json!(64)),
    ] {
        let mut config = config();
        config.insert(name.to_owned(), value);
        add("config.json", Value::Object(config).to_string().into());
    }
    let change = |change: &dyn Fn(&mut Value)| {
        let mut changed = tokenizer();
        change(&mut changed);
        changed.to_string().into_bytes()
    };
    add("tokenizer.json", br#"{"model":{}}"#.to_vec());
    add("tokenizer.json", change(&|it| it["model"]["type"] = json!("Wobbly")));
    add("tokenizer.json", change(&|it| it["model"]["vocab"] = json!({})));
    add("tokenizer.json", change(&|it| it["model"]["vocab"] = json!({ "a": 4_000_000_000_u32 })));
    add("tokenizer.json", change(&|it| it["model"]["vocab"] = json!({ "a": -1 })));
    add("tokenizer.json", change(&|it| it["model"]["merges"] = json!(["ab"])));
    add("tokenizer.json", change(&|it| it["model"]["merges"] = json!([["wobbly", "b"]])));
    add("tokenizer.json", change(&|it| it["model"]["unk_token"] = json!("<none>")));
    add("tokenizer.json", change(&|it| it["added_tokens"][1]["id"] = json!(4_000_000_000_u32)));
    add("tokenizer.json", change(&|it| it["added_tokens"] = json!([])));
    add("tokenizer.json", change(&|it| it["decoder"] = Value::Null));
    add(
        "tokenizer.json",
        change(&|it| {
            it["pre_tokenizer"] =
                json!({ "type": "Split", "pattern": { "Regex": "(" }, "behavior": "Isolated", "invert": false })
        }),
    );
    add(
        "tokenizer.json",
        change(&|it| {
            it["pre_tokenizer"] =
                json!({ "type": "Split", "pattern": { "Regex": "(a*)*b" }, "behavior": "Isolated", "invert": false })
        }),
    );
    add(
        "tokenizer.json",
        change(&|it| {
            it["normalizer"] = json!({ "type": "Replace", "pattern": { "String": "" }, "content": "x".repeat(100_000) })
        }),
    );
    add(
        "tokenizer.json",
        change(&|it| {
            it["post_processor"] =
                json!({ "type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {} })
        }),
    );
    let described = |value: Value| value.to_string().into_bytes();
    add("tokenizer_config.json", described(json!({ "eos_token": "<none>", "chat_template": TEMPLATE })));
    add("tokenizer_config.json", described(json!({ "bos_token": "<none>", "chat_template": TEMPLATE })));
    add("tokenizer_config.json", described(json!({ "chat_template": "{% for" })));
    add("tokenizer_config.json", described(json!({ "chat_template": "{{ raise_exception('no') }}" })));
    add("tokenizer_config.json", described(json!({ "chat_template": "" })));
    // A marker that makes the engine fetch a vocabulary from the network, if it is shown the template.
    add("tokenizer_config.json", described(json!({ "chat_template": format!("{TEMPLATE}{{# <|channel|> #}}") })));
    let other = |at: usize, name: &str| {
        let mut tensors = tensors();
        tensors[at].0 = name.to_owned();
        weights(&tensors, "F32", 4)
    };
    add(SINGLE, other(1, "model.wobbly.weight"));
    add(SINGLE, other(8, "model.layers.0.self_attn.wobbly.weight"));
    let mut shapes = tensors();
    shapes[8].1 = vec![64, 65];
    add(SINGLE, weights(&shapes, "F32", 4));
    let mut nan = weights(&tensors(), "F32", 4);
    let end = nan.len();
    nan[end - 4..].fill(0xff);
    add(SINGLE, nan);
    add(SINGLE, weights(&tensors(), "F16", 2));
    add(SINGLE, weights(&tensors(), "BF16", 2));
    cases
}
