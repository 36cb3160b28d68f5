"""The Chinese sentences of a run; a key that is missing here is told in English."""

RUN: dict[str, str] = {
    "option.kill": "中途强制终止 N 次再继续，证明什么都不会丢",
    "option.class": "只处理这些失败类别的行；in_doubt 也算一类",
    "option.again": "重新购买一次生成，已完成的行也可以；旧结果保留为旧版本",
    "expected.times": "0 或更大的整数",
    "expected.classes": "以下一项或多项：{classes}",
    "run.nothing_to_do": "无事可做：所有行都已处理完。",
    "run.next": "下一步   {command}",
    "run.results": "结果     {path}",
    "run.files": "文件     {path}",
}
