from pytest_insight.storage import InMemoryStorage, JSONStorage
from tests.conftest import MakeSession


def test_a_session_is_read_back_as_it_was_saved(make_session: MakeSession) -> None:
    for storage in (InMemoryStorage(), JSONStorage()):
        storage.save_session(make_session())
        assert storage.load_sessions() == [make_session()]
