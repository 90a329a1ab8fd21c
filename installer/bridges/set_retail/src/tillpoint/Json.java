package tillpoint;

import java.io.IOException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** As much JSON as the contract needs; numbers are BigDecimal. Our own, so that no library of the till is in the way. */
final class Json {
    private static final int DEPTH_MAX = 32;

    private final String text;
    private int at;

    private Json(String text) {
        this.text = text;
    }

    static String write(Object value) {
        StringBuilder out = new StringBuilder();
        put(out, value);
        return out.toString();
    }

    @SuppressWarnings("unchecked")
    static Map<String, Object> read(String text) throws IOException {
        try {
            Json json = new Json(text);
            Object value = json.value(0);
            json.space();
            if (json.at != text.length() || !(value instanceof Map)) {
                throw new IOException("the answer is no JSON object");
            }
            return (Map<String, Object>) value;
        } catch (IndexOutOfBoundsException | NumberFormatException error) {
            throw new IOException("the answer is no JSON", error);
        }
    }

    private static void put(StringBuilder out, Object value) {
        if (value instanceof Map) {
            String comma = "{";
            for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
                out.append(comma);
                quote(out, String.valueOf(entry.getKey()));
                out.append(':');
                put(out, entry.getValue());
                comma = ",";
            }
            out.append("{".equals(comma) ? "{}" : "}");
        } else if (value instanceof Iterable) {
            String comma = "[";
            for (Object one : (Iterable<?>) value) {
                out.append(comma);
                put(out, one);
                comma = ",";
            }
            out.append("[".equals(comma) ? "[]" : "]");
        } else if (value instanceof BigDecimal) {
            out.append(((BigDecimal) value).toPlainString());
        } else if (value == null || value instanceof Number || value instanceof Boolean) {
            out.append(value);
        } else {
            quote(out, value.toString());
        }
    }

    private static void quote(StringBuilder out, String text) {
        out.append('"');
        for (int place = 0; place < text.length(); place++) {
            char one = text.charAt(place);
            if (one == '"' || one == '\\') {
                out.append('\\').append(one);
            } else if (one < ' ') {
                out.append(String.format("\\u%04x", (int) one));
            } else {
                out.append(one);
            }
        }
        out.append('"');
    }

    private Object value(int depth) throws IOException {
        space();
        char first = text.charAt(at);
        if (depth > DEPTH_MAX) {
            throw new IOException("the answer is too deep");
        }
        if (first == '{') {
            return object(depth);
        }
        if (first == '[') {
            return list(depth);
        }
        if (first == '"') {
            return string();
        }
        int begin = at;
        while (at < text.length() && ",]} \t\r\n".indexOf(text.charAt(at)) < 0) {
            at++;
        }
        String word = text.substring(begin, at);
        switch (word) {
            case "true":
                return Boolean.TRUE;
            case "false":
                return Boolean.FALSE;
            case "null":
                return null;
            default:
                return new BigDecimal(word);
        }
    }

    private Map<String, Object> object(int depth) throws IOException {
        Map<String, Object> found = new LinkedHashMap<>();
        at++;
        space();
        while (text.charAt(at) != '}') {
            String name = string();
            space();
            expect(':');
            found.put(name, value(depth + 1));
            space();
            if (text.charAt(at) == ',') {
                at++;
                space();
            }
        }
        at++;
        return found;
    }

    private List<Object> list(int depth) throws IOException {
        List<Object> found = new ArrayList<>();
        at++;
        space();
        while (text.charAt(at) != ']') {
            found.add(value(depth + 1));
            space();
            if (text.charAt(at) == ',') {
                at++;
                space();
            }
        }
        at++;
        return found;
    }

    private String string() throws IOException {
        expect('"');
        StringBuilder out = new StringBuilder();
        while (text.charAt(at) != '"') {
            char one = text.charAt(at++);
            if (one != '\\') {
                out.append(one);
                continue;
            }
            char escaped = text.charAt(at++);
            int plain = "\"\\/bfnrt".indexOf(escaped);
            if (escaped == 'u') {
                out.append((char) Integer.parseInt(text.substring(at, at + 4), 16));
                at += 4;
            } else if (plain >= 0) {
                out.append("\"\\/\b\f\n\r\t".charAt(plain));
            } else {
                throw new IOException("the answer has an unknown escape");
            }
        }
        at++;
        return out.toString();
    }

    private void expect(char wanted) throws IOException {
        if (text.charAt(at++) != wanted) {
            throw new IOException("the answer is no JSON");
        }
    }

    private void space() {
        while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }
}
