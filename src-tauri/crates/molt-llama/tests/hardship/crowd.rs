//! Many conversations at once with one model, whose readers come and go.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::{StreamExt, future::join_all};
use molt_core::{Engine, GenerateRequest, ModelId, PromptMessage, Role};

use crate::bench::{Bench, MEASURED, Random, hear, request, said, small_model};

const CONVERSATIONS: usize = 16;
const TURNS: usize = 10;
const MAX_TOKENS: u32 = 12;

/// What is asked in one conversation, turn after turn.
fn questions(random: &mut Random) -> Vec<String> {
    let question = |random: &mut Random| {
        let door = random.one_of(&["north gate", "garden door", "archive room", "boat house"]);
        let name = random.one_of(&["王小明", "李芳", "张伟", "陈静"]);
        let number = 1000 + random.below(9000);
        match random.below(4) {
            0 => format!("[1] The code for the {door} is {number}.\n\nQuestion: What is the code for the {door}?"),
            1 => format!("[1] 项目负责人是{name}。\n\n问题：项目负责人是谁？"),
            2 => format!("[1] The printer is in room {number}.\n\nQuestion: Where is the printer?"),
            _ => "Hello!".to_owned(),
        }
    };
    (0..TURNS).map(|_| question(random)).collect()
}

/// Events after which readers leave, at the most.
const LEAVES: u64 = 8;

/// Bytes that stay of three more working spaces, whatever the model; 2 to 3 MB were measured. The whole worker of this one takes 20.
const KEPT_BY_ALLOCATOR: u64 = 4 << 20;
/// Twice as long as the worker waits before it gives working spaces back.
const UNCHANGED: Duration = Duration::from_secs(4);

/// Answers that may be others than alone: processors round otherwise when they compute other numbers of tokens together, and a model
/// that wavers between two words then takes the other one.
const WAVERING: usize = CONVERSATIONS * TURNS / 40;
/// Words whose logits differ by less than about half of this are told apart by chance; one that is 2 below is chosen once in 20,000 times.
const TEMPERATURE: f32 = 0.2;
const TRIES: usize = 200;

/// Whether the model wavers between this answer and its first choice when nobody else is there: whether it is among those that a low
/// temperature draws.
async fn wavers(bench: &Bench, model: &ModelId, messages: &[PromptMessage], answer: &str) -> bool {
    for _ in 0..TRIES {
        let ask = GenerateRequest { temperature: TEMPERATURE, ..request(model, messages.to_vec(), MAX_TOKENS) };
        if hear(bench.client.generate(ask)).await.text == answer {
            return true;
        }
    }
    false
}

/// A conversation as it goes when nobody else is there: the messages before each answer, and the answer.
async fn alone(bench: &Bench, model: &ModelId, questions: Vec<String>) -> Vec<(Vec<PromptMessage>, String)> {
    let mut messages = Vec::new();
    let mut turns = Vec::new();
    for question in questions {
        messages.push(said(Role::User, question));
        let heard = hear(bench.client.generate(request(model, messages.clone(), MAX_TOKENS))).await;
        heard.end.unwrap();
        turns.push((messages.clone(), heard.text.clone()));
        messages.push(said(Role::Assistant, heard.text));
    }
    turns
}

#[tokio::test]
async fn each_of_many_conversations_goes_as_if_it_were_alone() {
    // Another worker would share its program with this one, whose memory is told by shares.
    let _alone = MEASURED.write().await;
    let mut random = Random::seeded("many conversations");
    let bench = Bench::new();
    let spec = small_model();
    bench.load(&spec).await.unwrap();
    let model = &spec.id;
    let pid = bench.pid(model).await;
    let mut conversations = Vec::new();
    for _ in 0..CONVERSATIONS {
        conversations.push(alone(&bench, model, questions(&mut random)).await);
    }
    let before = rested(&bench).await;

    // Who was answered, in order.
    let served = Mutex::new(Vec::new());
    // What was answered otherwise than alone: the prompt and the answer.
    let others = Mutex::new(Vec::new());
    let (bench, served, others) = (&bench, &served, &others);
    let talks = conversations.iter().enumerate().map(|(number, turns)| {
        let mut random = random.split();
        async move {
            let mut left = 0_usize;
            for (messages, expected) in turns {
                let ask = || bench.client.generate(request(model, messages.clone(), MAX_TOKENS));
                // One reader in three goes away somewhere before the end, and comes back.
                if random.below(3) == 0 {
                    left += 1;
                    let events = random.below(LEAVES) as usize;
                    let _some = ask().take(events).collect::<Vec<_>>().await;
                }
                let heard = hear(ask()).await;
                heard.end.unwrap();
                if heard.text != *expected {
                    let other = (messages.clone(), expected.clone(), heard.text);
                    others.lock().unwrap_or_else(PoisonError::into_inner).push(other);
                }
                let goes_forward = heard.positions.windows(2).all(|pair| pair[1] < pair[0]);
                assert!(goes_forward, "conversation {number} is overtaken: {:?}", heard.positions);
                served.lock().unwrap_or_else(PoisonError::into_inner).push(number);
            }
            left
        }
    });
    let left: usize = join_all(talks).await.into_iter().sum();

    let others = others.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for (messages, expected, answer) in &others {
        println!("alone {expected:?}, among others {answer:?}");
        assert!(wavers(bench, model, messages, answer).await, "{messages:?}");
    }
    assert!(others.len() <= WAVERING, "{} answers waver", others.len());

    let served = served.lock().unwrap_or_else(PoisonError::into_inner).clone();
    assert_eq!(served.len(), CONVERSATIONS * TURNS);
    // While one waits for its turn, each of the others comes once; and as often again for the answer that it left.
    let longest = (0..CONVERSATIONS).map(|number| longest_wait(&served, number)).max().unwrap();
    rested(bench).await;
    let after = bench.client.stats().await.remove(0);
    println!(
        "{} answers, {} of them others than alone, and {left} readers that left; at most {longest} others between two answers of a conversation; worker {} KB before, {} KB after",
        served.len(),
        others.len(),
        before >> 10,
        after.memory >> 10,
    );
    assert!(longest <= 2 * (CONVERSATIONS - 1), "{served:?}");
    assert_eq!((bench.pid(model).await, after.restarts), (pid, 0));
    let more = (before / 10).max(KEPT_BY_ALLOCATOR);
    assert!(after.memory <= before + more, "{} bytes before, {} after", before, after.memory);
}

/// Bytes of the worker when it has not become smaller for a while: working spaces for several at once are given back after some seconds
/// without a question.
async fn rested(bench: &Bench) -> u64 {
    let (mut least, mut since) = (u64::MAX, Instant::now());
    while since.elapsed() < UNCHANGED {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let memory = bench.client.stats().await[0].memory;
        if memory < least {
            (least, since) = (memory, Instant::now());
        }
    }
    least
}

/// How many others are answered at the most before, or between, the answers of this conversation.
fn longest_wait(served: &[usize], number: usize) -> usize {
    let mut places: Vec<usize> =
        (1..).zip(served).filter(|&(_, &other)| other == number).map(|(place, _)| place).collect();
    places.insert(0, 0);
    places.windows(2).map(|pair| pair[1] - pair[0] - 1).max().unwrap_or(0)
}
