"""What gunicorn loads: `plugin.wsgi:app`."""

from plugin.app import create_app
from plugin.bootstrap import build_services
from plugin.logs import configure_logs, hide
from plugin.settings import Settings
from plugin.store.database import AT_THE_DOOR

settings = Settings()
configure_logs(settings.log_level)
hide(*settings.secrets())
app = create_app(settings, build_services(settings, patience=AT_THE_DOOR))
