//! Answers that are as long as an answer may be, what does not fit any more, and thinking.

use super::*;

/// 120 words; with a context of 400 tokens an answer may have 100.
fn long() -> Reply {
    Reply::text(&"One two three. ".repeat(40))
}

fn whole() -> String {
    "One two three. ".repeat(33)
}

/// The offset of the first piece, and the ended answer.
async fn gone_on(world: &mut World) -> (Option<u32>, Message) {
    let mut first = None;
    loop {
        let event = tokio::time::timeout(Duration::from_secs(10), world.events.recv()).await.unwrap().unwrap();
        match event {
            AssistEvent::Delta { offset, .. } => {
                first.get_or_insert(offset);
            }
            AssistEvent::Message(message)
                if message.role == Role::Assistant && message.state != MessageState::Streaming =>
            {
                return (first, *message);
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn an_answer_that_was_cut_says_so_and_goes_on_where_it_stopped() {
    let mut world = world(vec![passage(1, "The count goes on.")]);
    let model = model(&world, 400).await;
    world.engine.push(long());
    let accepted = world.assist.send(None, "How does the count go?", model.clone()).unwrap();
    let (cut, _) = world.ended().await;
    let stats = cut.stats.clone().unwrap();
    assert_eq!((cut.state, stats.cut, stats.context_length), (MessageState::Done, true, 400));
    assert!(cut.text.ends_with("three. One "), "{}", cut.text);
    assert_eq!(world.engine.warmed(), 0, "it is not read ahead: it may be gone on with");

    world.engine.push(Reply::text(" Four five [1]."));
    let on = world.assist.go_on(&cut.id, model.clone()).unwrap();
    assert_eq!((&on.answer.id, &on.user_message.id), (&cut.id, &accepted.user_message.id));
    assert_eq!((on.answer.state, on.answer.text.as_str()), (MessageState::Streaming, whole().as_str()));
    let (first, answer) = gone_on(&mut world).await;
    assert_eq!((first, answer.text.clone()), (Some(whole().len() as u32), whole() + "Four five [1]."));
    let figures = answer.stats.clone().unwrap();
    assert_eq!((figures.cut, figures.completion_tokens), (false, stats.completion_tokens + 4));
    assert!(answer.citations[0].used, "the passages are still those of the answer");
    let stored = world.store.messages(&accepted.conversation_id).unwrap();
    assert_eq!((stored.len(), &stored[1]), (2, &answer));
    let requests = world.engine.requests();
    let (begin, end) = requests[1].messages.split_at(requests[0].messages.len());
    assert_eq!(begin, requests[0].messages, "what was read for the first part is read no more");
    assert_eq!((end.len(), end[0].role, &end[0].text, end[1].role), (2, Role::Assistant, &whole(), Role::User));

    let again = world.assist.go_on(&answer.id, model);
    assert!(matches!(again, Err(AssistError::NotCut)), "all is said");
}

#[tokio::test]
async fn what_goes_wrong_leaves_the_part_that_there_is() {
    let mut world = world(Vec::new());
    let model = model(&world, 400).await;
    world.engine.push(long());
    let accepted = world.assist.send(None, "How does the count go?", model.clone()).unwrap();
    let (cut, _) = world.ended().await;

    world.engine.push(Reply::CrashAfter(Vec::new()));
    world.assist.go_on(&cut.id, model.clone()).unwrap();
    let (_, answer) = gone_on(&mut world).await;
    assert_eq!((answer.state, &answer.text, &answer.stats), (MessageState::Done, &cut.text, &cut.stats));
    assert!(answer.error.is_some());

    world.assist.go_on(&cut.id, ready(None)).unwrap();
    let (_, answer) = gone_on(&mut world).await;
    assert_eq!((answer.state, &answer.text), (MessageState::Done, &cut.text));
    assert!(answer.error.unwrap().contains("No chat model"));

    world.engine.push(Reply::StallAfter(vec!["Four five six seven. ".into()]));
    world.assist.go_on(&cut.id, model.clone()).unwrap();
    while !matches!(world.events.recv().await.unwrap(), AssistEvent::Delta { .. }) {}
    world.assist.stop(&accepted.conversation_id);
    let (_, answer) = gone_on(&mut world).await;
    assert_eq!((answer.state, answer.text), (MessageState::Stopped, whole() + "Four five six seven. "));
    assert_eq!(answer.error, None);
    assert!(answer.stats.unwrap().cut, "it can be gone on with again");

    // With a question behind it there is nothing to go on with.
    world.assist.send(Some(accepted.conversation_id), "And now something else?", model.clone()).unwrap();
    world.ended().await;
    assert!(matches!(world.assist.go_on(&cut.id, model), Err(AssistError::NotCut)));
}

#[tokio::test]
async fn messages_that_no_longer_fit_are_counted() {
    let mut world = world(Vec::new());
    let model = model(&world, 400).await;
    let mut conversation = None;
    for turn in 0..8 {
        world.engine.push(Reply::text(&"word ".repeat(20)));
        let question = format!("{turn} is the number of this question");
        conversation = Some(world.assist.send(conversation, &question, model.clone()).unwrap().conversation_id);
        let left_out = world.ended().await.0.stats.unwrap().messages_left_out as usize;
        let shown = world.engine.requests().pop().unwrap().messages.len() - 2;
        assert_eq!(left_out, 2 * turn - shown);
        assert_eq!(left_out > 0, turn > 2, "{turn}");
    }
}

#[tokio::test]
async fn a_model_thinks_if_it_is_asked_to_and_has_room_for_it() {
    let mut world = world(Vec::new());
    let model = model(&world, 8192).await.into_inner().unwrap();
    for (think, room) in [(false, 1024), (true, 4096)] {
        world.engine.push(Reply::Thinks(vec!["Two and two".into()], vec!["Four.".into()]));
        let model = ready(Some(ChatModel { think, ..model.clone() }));
        world.assist.send(None, "How much is two and two?", model).unwrap();
        world.ended().await;
        let request = world.engine.requests().pop().unwrap();
        assert_eq!((request.think, request.max_tokens), (think, room));
    }
}
