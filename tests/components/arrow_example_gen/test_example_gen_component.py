import gen_world
from harness import write_text
from tfx.components.example_gen.csv_example_gen.component import CsvExampleGen
from tfx.components.statistics_gen.component import StatisticsGen


def test_taxi_examples_are_those_of_csv_example_gen_and_read_by_stock_components(tmp_path):
    lines = gen_world.taxi_lines(3000)
    write_text(tmp_path / "rows" / "train" / "rows.csv", "".join(lines))
    ours = gen_world.taxi_gen(tmp_path / "rows")
    stock = CsvExampleGen(input_base=str(tmp_path / "rows" / "train"))
    gen_world.run_nodes(tmp_path, ours, stock, StatisticsGen(examples=ours.outputs["examples"]))
    found = gen_world.examples(gen_world.output(ours, tmp_path))
    assert found.total() == 3000
    assert found == gen_world.examples(gen_world.output(stock, tmp_path))
