"""What a webhook costs at least: a Flask route with one durable INSERT, nothing verified."""

import os
import threading

import psycopg
from flask import Flask, jsonify, request

app = Flask(__name__)
here = threading.local()


@app.post("/")
def keep():
    """Keep the body and answer."""
    if not hasattr(here, "connection"):
        here.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    here.connection.execute("insert into bare (body) values (%s)", (request.get_data(),))
    return jsonify(status="accepted"), 202
