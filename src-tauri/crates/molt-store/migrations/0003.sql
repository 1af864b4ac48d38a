-- What a model thought before it wrote the text.
ALTER TABLE messages ADD COLUMN thoughts TEXT;
