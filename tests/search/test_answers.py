"""What a question about an amount, a day or a sum looks for in texts."""

import pytest

from search.answers import expected
from search.query import plan
from search.second_look import reordered


@pytest.mark.parametrize(
    ("question", "answered", "unanswered"),
    [
        ("大红灯笼一共多少盏", "挂起3300盏红灯", "挂起许多红灯两千人来看"),
        ("支部大会几天内表决", "在三十天内表决", "三十人内表决"),
        ("全市有多少万家企业", "企业达2万余家", "企业共2万吨"),
        ("党费要交多少钱", "每月交纳3元", "每月交纳党费"),
        ("退休人员党费比例是多少", "按05%交纳", "按5级交纳"),
        ("罚款多少", "处货值十倍罚款", "处罚款"),
        ("主队和客队比分是多少", "8668", "共86人"),
        ("多大年龄可以入党", "年满十八岁", "满三年"),
        ("降旗仪式几点开始", "16时30分开始", "每日举行"),
        ("预备期多长时间", "预备期为一年", "预备期内第一次"),
        ("账目多久给大家看一回", "按季度公开", "在公开栏公开"),
        ("哪一年访问中国", "1996年访华", "第3次访华"),
        ("支部党员大会什么时候开", "每季度召开一次", "由支部召开"),
        ("来了多少", "来了三人", "都来了"),
    ],
)
def test_what_answers_and_what_does_not(question, answered, unanswered):
    looks = expected(question)

    assert looks is not None
    assert looks.search(answered)
    assert not looks.search(unanswered)


@pytest.mark.parametrize(
    "question",
    [
        "谁造了赵州桥",
        "入党要什么条件",
        "为什么要开民主生活会",
        "老板压着几个月的钱不给怎么办",
        "",
        "几" * 200,
    ],
)
def test_who_does_not_ask_for_an_amount_looks_for_nothing(question):
    assert expected(question) is None


def test_of_two_pieces_of_one_report_the_one_with_the_number_comes_forward():
    rows = [
        (10.0, {"title": "长江路上的灯笼", "body": "长江路上挂起大红灯笼，市民一觉醒来都很惊喜。"}),
        (9.5, {"title": "长江路上的灯笼", "body": "长江路上３３００盏大红灯笼无一损失。"}),
    ]

    asked = reordered(rows, plan("长江路上挂的大红灯笼一共多少盏？"))
    named = reordered(rows, plan("长江路 灯笼"))

    assert "盏" in asked[0][1]["body"]
    assert named[0][1]["body"].startswith("长江路上挂起")


def test_a_number_counts_once_in_whatever_width_it_is_written():
    rows = [
        (10.0, {"title": "其一", "body": "1987年的章程修改稿说明"}),
        (10.0, {"title": "其二", "body": "１９９７年的章程修订稿说明"}),
        (10.0, {"title": "其三", "body": "历年的章程修订稿说明"}),
    ]

    scores = {stored["title"]: score for score, stored in reordered(rows, plan("1997 章程修订稿"))}

    assert scores["其二"] > scores["其三"] > scores["其一"]


def test_a_sheet_of_nothing_but_digits_is_read_in_no_time():
    looks = expected("一共多少盏")

    assert looks is not None
    assert not looks.search("1" * 400_000)
