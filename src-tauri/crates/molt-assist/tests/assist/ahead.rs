//! What is read before it is asked for.

use super::*;

/// Waits until so many prompts were read ahead.
async fn read_ahead(world: &World, count: usize) -> Vec<Vec<PromptMessage>> {
    tokio::time::timeout(Duration::from_secs(10), async {
        while world.engine.ahead().len() < count {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it is read ahead");
    world.engine.ahead()
}

/// All but the last message, which is not known before the question.
fn beginning(prompt: &[PromptMessage]) -> &[PromptMessage] {
    &prompt[..prompt.len() - 1]
}

#[tokio::test]
async fn what_the_next_prompt_begins_with_is_read_when_the_answer_has_ended() {
    for context in [4096, 400] {
        let mut world = world(vec![passage(1, "The budget of Lyra is 412,000 EUR."), passage(2, "Other.")]);
        let model = model(&world, context).await;
        let mut conversation = None;
        for turn in 0..8 {
            let answer = format!("Answer {turn} {}", "and so on ".repeat(5));
            world.engine.push(Reply::text(&answer));
            let question = format!("Question number {turn} about Lyra");
            conversation = Some(world.assist.send(conversation, &question, model.clone()).unwrap().conversation_id);
            assert_eq!(world.ended().await.0.state, MessageState::Done);
            let ahead = read_ahead(&world, turn + 1).await.pop().unwrap();
            let (asked, answered) = (&ahead[ahead.len() - 3], &ahead[ahead.len() - 2]);
            assert_eq!((&asked.text, &answered.text), (&question, &answer), "the question stands without passages");
        }
        let (prompts, ahead) = (world.engine.requests(), world.engine.ahead());
        for (turn, prompt) in prompts.iter().enumerate().skip(1) {
            assert_eq!(beginning(&prompt.messages), beginning(&ahead[turn - 1]), "turn {turn} of {context} tokens");
        }
        let dropped = prompts[7].messages.len() < 16;
        assert_eq!(dropped, context == 400, "{context}");
    }
}

#[tokio::test]
async fn turns_that_are_dropped_leave_a_beginning_that_stays_for_some_turns() {
    let mut world = world(Vec::new());
    let model = model(&world, 1200).await;
    let mut conversation = None;
    let turns = 30;
    for turn in 0..turns {
        world.engine.push(Reply::text(&"word ".repeat(10)));
        let question = format!("{turn} is the number of this question");
        conversation = Some(world.assist.send(conversation, &question, model.clone()).unwrap().conversation_id);
        world.ended().await;
    }
    let firsts: Vec<String> = world.engine.requests().iter().map(|prompt| prompt.messages[1].text.clone()).collect();
    let changes = firsts.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!((2..turns / 2).contains(&changes), "{changes}: {firsts:?}");
}

#[tokio::test]
async fn reading_ahead_gives_way_to_the_next_question_and_to_deleting() {
    let mut world = world(Vec::new());
    let model = model(&world, 4096).await;
    let cancelled = async |world: &World, count| {
        tokio::time::timeout(Duration::from_secs(10), async {
            while world.engine.cancelled() < count {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("it gives way");
    };
    let accepted = world.assist.send(None, "The first question", model.clone()).unwrap();
    world.ended().await;
    read_ahead(&world, 1).await;
    assert_eq!(world.engine.cancelled(), 0);
    world.assist.send(Some(accepted.conversation_id.clone()), "The second question", model.clone()).unwrap();
    world.ended().await;
    cancelled(&world, 1).await;
    read_ahead(&world, 2).await;
    world.assist.stop(&accepted.conversation_id);
    cancelled(&world, 2).await;
}

#[tokio::test]
async fn nothing_is_read_ahead_while_another_answer_is_written() {
    let mut world = world(Vec::new());
    let model = model(&world, 4096).await;
    world.engine.push(Reply::StallAfter(vec!["Slow".into()]));
    let slow = world.assist.send(None, "A question with a long answer", model.clone()).unwrap();
    while !matches!(world.events.recv().await.unwrap(), AssistEvent::Delta { .. }) {}
    world.assist.send(None, "Another question", model).unwrap();
    world.ended().await;
    assert_eq!(world.engine.warmed(), 0);
    world.assist.stop(&slow.conversation_id);
    world.ended().await;
    let ahead = read_ahead(&world, 1).await;
    assert_eq!(ahead[0][1].text, "A question with a long answer");
}

#[tokio::test]
async fn nothing_is_read_ahead_where_it_is_not_kept_or_the_answer_failed() {
    let mut world = world(Vec::new());
    let near = model(&world, 4096).await.into_inner().unwrap();
    let forgetful = ChatModel { keeps: false, ..near.clone() };
    world.assist.send(None, "A question", ready(Some(forgetful))).unwrap();
    world.ended().await;
    world.engine.push(Reply::CrashAfter(vec!["Half".into()]));
    world.assist.send(None, "Another question", ready(Some(near.clone()))).unwrap();
    world.ended().await;
    world.assist.send(None, "The last question", ready(Some(near))).unwrap();
    world.ended().await;
    let ahead = read_ahead(&world, 1).await;
    assert_eq!((ahead.len(), ahead[0][1].text.as_str()), (1, "The last question"));
}

#[tokio::test]
async fn turns_that_were_read_leave_time_for_passages() {
    let text = "word ".repeat(60);
    // Whether the turns were read ahead when the second question came, and the passages that it is shown.
    for (at_once, shown) in [(true, 4), (false, 1)] {
        let mut world = world((1..=4).map(|number| passage(number, &text)).collect());
        if at_once {
            world.engine.read_at_once();
        }
        let model = model(&world, 4096).await.into_inner().unwrap();
        let model = ready(Some(ChatModel { reads: Some(310), ..model }));
        world.engine.push(Reply::text(&"word ".repeat(200)));
        let accepted = world.assist.send(None, "What is the word?", model.clone()).unwrap();
        assert_eq!(world.ended().await.0.citations.len(), 4);
        read_ahead(&world, 1).await;
        world.assist.send(Some(accepted.conversation_id), "And what is the other word?", model).unwrap();
        assert_eq!(world.ended().await.0.citations.len(), shown, "{at_once}");
    }
}
