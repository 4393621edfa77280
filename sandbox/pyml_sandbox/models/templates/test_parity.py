from pyml_fixtures import assert_parity


def test_offline_and_online_agree(pyml_model):
    assert_parity(pyml_model, level="P3")
