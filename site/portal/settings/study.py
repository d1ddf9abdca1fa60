"""Settings of study: play tokens and beats. Rules of study hours are dated data, not settings."""

from portal.settings.environment import secret

STUDY = {
    "PLAY_TOKEN_KEY": secret("PLAY_TOKEN_KEY"),
    "PLAY_TOKEN_TTL_S": 12 * 3600,
    "BEAT_SECONDS": 15,
    "BEAT_MAX_AGE_S": 24 * 3600,
    "BATCH_MAX": 200,
}
