import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.zip.GZIPInputStream;

/** Asks for features and prints the SHA-256 of what it makes of the answer: java Client.java URL TOKEN CODING */
class Client {
    public static void main(String[] arguments) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(arguments[0]))
            .header("authorization", arguments[1])
            .header("unleash-client-spec", "5.2.0")
            .header("accept-encoding", arguments[2])
            .build();
        var answer = HttpClient.newHttpClient().send(request, BodyHandlers.ofInputStream());
        var isGzip = answer.headers().firstValue("content-encoding").equals(java.util.Optional.of("gzip"));
        if (answer.statusCode() != 200 || isGzip != arguments[2].equals("gzip")) throw new Exception(answer.toString());
        try (InputStream body = isGzip ? new GZIPInputStream(answer.body()) : answer.body()) {
            var digest = MessageDigest.getInstance("SHA-256").digest(body.readAllBytes());
            System.out.println(HexFormat.of().formatHex(digest));
        }
    }
}
