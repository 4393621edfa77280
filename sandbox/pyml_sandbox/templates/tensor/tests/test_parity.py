def test_offline_and_online_agree(parity):
    assert parity.verdict == "PASS", parity.text
