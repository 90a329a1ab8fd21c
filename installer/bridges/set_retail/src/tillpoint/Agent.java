package tillpoint;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Calls of the agent: JSON over HTTP, repeated when no answer came. Nothing is reckoned here. */
final class Agent {
    /** What the agent said no to; asking again does not help. */
    static final class Refused extends IOException {
        Refused(String message) {
            super(message);
        }
    }

    private static final int TRIES = 3;
    private static final int ANSWER_SIZE_MAX = 4 << 20;

    private final String url;
    private final String key;
    private final int connectMs;
    private final int readMs;

    Agent(String url, String key, int connectMs, int readMs) {
        this.url = url.endsWith("/") ? url.substring(0, url.length() - 1) : url;
        this.key = key;
        this.connectMs = connectMs;
        this.readMs = readMs;
    }

    /** One call. Every call may be repeated: the agent knows a receipt by its uid. */
    Map<String, Object> ask(String call, Map<String, Object> body) throws IOException {
        return askText(call, Json.write(body));
    }

    Map<String, Object> askText(String call, String body) throws IOException {
        IOException last = new IOException("not asked");
        for (int attempt = 0; attempt < TRIES; attempt++) {
            try {
                return once(call, body.getBytes(StandardCharsets.UTF_8));
            } catch (Refused refused) {
                throw refused;
            } catch (IOException error) {
                last = error;
            }
        }
        throw last;
    }

    private Map<String, Object> once(String call, byte[] body) throws IOException {
        HttpURLConnection connection = (HttpURLConnection) new URL(url + "/" + call).openConnection();
        try {
            connection.setConnectTimeout(connectMs);
            connection.setReadTimeout(readMs);
            connection.setRequestMethod("POST");
            connection.setDoOutput(true);
            connection.setRequestProperty("Content-Type", "application/json; charset=utf-8");
            connection.setRequestProperty("Authorization", "Bearer " + key);
            connection.setFixedLengthStreamingMode(body.length);
            try (OutputStream out = connection.getOutputStream()) {
                out.write(body);
            }
            int status = connection.getResponseCode();
            Map<String, Object> answer = Json.read(text(status < 400 ? connection.getInputStream() : connection.getErrorStream()));
            if (status == 200) {
                return answer;
            }
            String said = status + " " + answer.get("error");
            if (status >= 500) {
                throw new IOException(said);
            }
            throw new Refused(said);
        } finally {
            connection.disconnect();
        }
    }

    private static String text(InputStream in) throws IOException {
        if (in == null) {
            return "{}";
        }
        ByteArrayOutputStream kept = new ByteArrayOutputStream();
        byte[] part = new byte[8192];
        for (int size = in.read(part); size >= 0; size = in.read(part)) {
            kept.write(part, 0, size);
            if (kept.size() > ANSWER_SIZE_MAX) {
                throw new IOException("the answer is too long");
            }
        }
        return new String(kept.toByteArray(), StandardCharsets.UTF_8);
    }
}
