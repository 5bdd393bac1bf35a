// java TomcatServer FILE PORT: appends what comes to FILE, a line a message.
import jakarta.websocket.OnMessage;
import jakarta.websocket.OnOpen;
import jakarta.websocket.Session;
import jakarta.websocket.server.ServerEndpoint;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Set;
import org.apache.catalina.Context;
import org.apache.catalina.servlets.DefaultServlet;
import org.apache.catalina.startup.Tomcat;
import org.apache.catalina.util.ServerInfo;
import org.apache.tomcat.websocket.server.WsSci;

public class TomcatServer {
    private static FileOutputStream file;

    @ServerEndpoint(value = "/ingest", subprotocols = "logs.v1")
    public static class Ingest {
        @OnOpen
        public void open(Session session) {
            System.out.println("connection " + session.getNegotiatedSubprotocol());
        }

        // Tomcat reads on when this has returned. FileOutputStream has no buffer. The
        // size is max_message_bytes; Tomcat's own is 8 KiB.
        @OnMessage(maxMessageSize = 1 << 20)
        public void message(String message) throws IOException {
            byte[] line = (message + "\n").getBytes(StandardCharsets.UTF_8);
            synchronized (file) {
                file.write(line);
            }
        }
    }

    public static void main(String[] args) throws Exception {
        System.out.println("version " + ServerInfo.getServerNumber());
        file = new FileOutputStream(args[0], true);
        file.write('\n'); // ends half a line that a kill left behind

        String folder = Files.createTempDirectory("tomcat").toString();
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir(folder);
        tomcat.setHostname("127.0.0.1");
        tomcat.setPort(Integer.parseInt(args[1]));
        tomcat.getConnector();
        Context context = tomcat.addContext("", folder);
        context.addServletContainerInitializer(new WsSci(), Set.of(Ingest.class));
        // WebSocket is a filter here, and a filter needs something to stand before.
        Tomcat.addServlet(context, "default", new DefaultServlet());
        context.addServletMappingDecoded("/", "default");
        tomcat.start();
        tomcat.getServer().await();
    }
}
