"""Prompts written by hand, in the manner of real notes rather than of the
generator's templates: a look beyond the generated text.

    python models/train/examples.py [file.gguf]
"""

import os
import sys

import torch

from evaluate import answer, open_gguf
from generate import HELLO, NO_PASSAGES, NOT_SAID, SYSTEM

LYRA = "[1] lyra.md · Overview\n# Project Lyra\n\nLyra is our new search service. The budget of Lyra is 412,000 EUR. It starts on 3 May 2027 and the owner is Mira Chen.\n\n"
TRIP = "[1] trip.txt\nTrip to Lisbon\n- Flight number: TP 573\n- Departure time: 7:45 am\n- Hotel: Casa Verde, 12 Harbor Street\n- Contact person: Ana Silva\n\n"
RENT = "[1] contract-2026.pdf · p. 3\nThis contract is between Green Homes Ltd and Tom Baker. The monthly rent is 1,250 EUR. The deposit is 2,500 EUR and must be paid before 1 June 2026.\n\n[2] notes.md\nCall the plumber about the kitchen. His phone number is +49 30 5512 884.\n\n"
TWO = "[1] atlas.md\nThe deadline of Atlas is 14 March 2027. The manager of Atlas is Peter Novak.\n\n[2] orion.md\nThe deadline of Orion is 2 April 2027. The manager of Orion is Olga Weber.\n\n"
ZH_LYRA = "[1] 天枢.md · 概述\n# 天枢项目\n\n天枢是我们新的搜索服务。天枢项目的预算是41.2万元。项目负责人是陈美玲，开始日期是2027年5月3日。\n\n"
ZH_TRIP = "[1] 行程.txt\n成都之行\n- 航班号：CA 4102\n- 出发时间：上午7:45\n- 酒店：锦江宾馆\n- 联系人：王小明\n\n"
ZH_RENT = "[1] 租房合同.pdf · p. 3\n本合同由绿园公司与李强签订。月租金为5,200元。押金是10,400元，须在2026年6月1日前支付。\n\n[2] 备忘录.md\n给水管工打电话。他的电话号码是13800138000。\n\n"
ZH_TWO = "[1] 北斗.md\n北斗项目的截止日期是2027年3月14日。北斗项目的经理是刘洋。\n\n[2] 南山.md\n南山项目的截止日期是2027年4月2日。南山项目的经理是赵敏。\n\n"

EXAMPLES = [
    (LYRA + "What is the budget of Lyra?", "412,000 EUR [1]"),
    (LYRA + "Who is the owner of Lyra?", "Mira Chen [1]"),
    (LYRA + "When does Lyra start?", "3 May 2027 [1]"),
    (LYRA + "What is the address of Lyra?", NOT_SAID[0]),
    (TRIP + "What is the flight number?", "TP 573 [1]"),
    (TRIP + "Who is the contact person?", "Ana Silva [1]"),
    (TRIP + "What is the departure time of the trip to Lisbon?", "7:45 am [1]"),
    (RENT + "What is the monthly rent?", "1,250 EUR [1]"),
    (RENT + "How much is the deposit?", "2,500 EUR [1]"),
    (RENT + "What is the phone number of the plumber?", "+49 30 5512 884 [2]"),
    (TWO + "What is the deadline of Orion?", "2 April 2027 [2]"),
    (TWO + "Who is the manager of Atlas?", "Peter Novak [1]"),
    (TWO + "What is the budget of Atlas?", NOT_SAID[0]),
    (TWO + "What is the deadline of Lyra?", NOT_SAID[0]),
    ("What is the budget of Lyra?", NO_PASSAGES[0]),
    ("Hello", HELLO[0]),
    ("Remind me to call Anna tomorrow at 5 pm", None),
    (ZH_LYRA + "天枢项目的预算是多少？", "41.2万元 [1]"),
    (ZH_LYRA + "天枢项目的负责人是谁？", "陈美玲 [1]"),
    (ZH_LYRA + "开始日期是什么时候？", "2027年5月3日 [1]"),
    (ZH_LYRA + "天枢项目的地址是什么？", NOT_SAID[1]),
    (ZH_TRIP + "航班号是多少？", "CA 4102 [1]"),
    (ZH_TRIP + "联系人是谁？", "王小明 [1]"),
    (ZH_TRIP + "成都之行的出发时间是几点？", "上午7:45 [1]"),
    (ZH_RENT + "月租金是多少？", "5,200元 [1]"),
    (ZH_RENT + "押金是多少？", "10,400元 [1]"),
    (ZH_RENT + "水管工的电话号码是多少？", "13800138000 [2]"),
    (ZH_TWO + "南山项目的截止日期是哪天？", "2027年4月2日 [2]"),
    (ZH_TWO + "北斗项目的经理是谁？", "刘洋 [1]"),
    (ZH_TWO + "北斗项目的预算是多少？", NOT_SAID[1]),
    (ZH_TWO + "天枢项目的截止日期是什么？", NOT_SAID[1]),
    ("天枢项目的预算是多少？", NO_PASSAGES[1]),
    ("你好", HELLO[1]),
    ("提醒我明天下午三点给妈妈打电话", None),
]


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    torch.set_num_threads(2)
    model, tok = open_gguf(sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "..", "moltworker-small.gguf"))
    right = 0
    for question, wanted in EXAMPLES:
        if wanted is None:
            text = question.replace("Remind me ", "").replace("提醒我", "")
            wanted = '<tool_call>{"name":"task_add","arguments":{"text":"%s"}}</tool_call>' % text
        said = answer(model, tok, f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n")
        right += said == wanted
        print(("right " if said == wanted else "WRONG ") + question.rsplit("\n", 1)[-1] + " -> " + said)
    print(f"{right} of {len(EXAMPLES)}")


if __name__ == "__main__":
    main()
