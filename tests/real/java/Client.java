import java.io.FileReader;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.acl.AclBindingFilter;

/**
 * Does what it is told to with Apache Kafka's own clients and prints what came of it.
 *
 * Arguments, four for each of any number of clients: a file of client properties, a topic, a group, and the things to
 * do in their order with commas between them. Each client gets one line, a JSON object.
 */
public final class Client {
    private static final Duration PATIENCE = Duration.ofSeconds(8);
    private static final int RECORDS = 3;

    private final Properties properties = new Properties();
    private final String topic;
    private final String group;

    private Client(String file, String topic, String group) throws Exception {
        try (FileReader reader = new FileReader(file)) {
            properties.load(reader);
        }
        properties.putIfAbsent("default.api.timeout.ms", "8000");
        properties.putIfAbsent("request.timeout.ms", "4000");
        properties.putIfAbsent("retry.backoff.ms", "50");
        this.topic = topic;
        this.group = group;
    }

    public static void main(String[] arguments) throws Exception {
        for (int place = 0; place < arguments.length; place += 4) {
            Client client = new Client(arguments[place], arguments[place + 1], arguments[place + 2]);
            Map<String, String> told = new LinkedHashMap<>();
            for (String wanted : arguments[place + 3].split(",")) {
                told.put(wanted, attempt(() -> client.act(wanted)));
            }
            System.out.println(json(told));
        }
        System.exit(0);
    }

    private static String attempt(Callable<String> action) {
        try {
            return action.call();
        } catch (ExecutionException wrapped) {
            return wrapped.getCause().getClass().getSimpleName();
        } catch (Exception failure) {
            return failure.getClass().getSimpleName();
        }
    }

    private String act(String wanted) throws Exception {
        switch (wanted) {
            case "cluster": return cluster();
            case "topics": return topics();
            case "create": return create();
            case "acls": return acls();
            case "produce": return produce();
            case "consume": return consume();
            default: throw new IllegalArgumentException(wanted);
        }
    }

    private String cluster() throws Exception {
        try (Admin admin = Admin.create(properties)) {
            return admin.describeCluster().clusterId().get(8, TimeUnit.SECONDS);
        }
    }

    private String topics() throws Exception {
        try (Admin admin = Admin.create(properties)) {
            return String.join(",", new TreeSet<>(admin.listTopics().names().get(8, TimeUnit.SECONDS)));
        }
    }

    private String create() throws Exception {
        try (Admin admin = Admin.create(properties)) {
            admin.createTopics(List.of(new NewTopic(topic + "-made", 1, (short) 1))).all().get(8, TimeUnit.SECONDS);
            return "ok";
        }
    }

    private String acls() throws Exception {
        try (Admin admin = Admin.create(properties)) {
            return String.valueOf(admin.describeAcls(AclBindingFilter.ANY).values().get(8, TimeUnit.SECONDS).size());
        }
    }

    private String produce() throws Exception {
        Properties own = with("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        own.put("value.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        own.put("max.block.ms", "8000");
        own.put("delivery.timeout.ms", "8000");
        own.put("linger.ms", "0");
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(own)) {
            for (int number = 0; number < RECORDS; number++) {
                producer.send(new ProducerRecord<>(topic, 0, "key", "value-" + number)).get();
            }
            return "ok";
        }
    }

    private String consume() {
        Properties own = with("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        own.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        own.put("group.id", group);
        own.put("auto.offset.reset", "earliest");
        StringBuilder seen = new StringBuilder();
        int count = 0;
        long end = System.nanoTime() + PATIENCE.toNanos();
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(own)) {
            consumer.subscribe(List.of(topic));
            while (count < RECORDS && System.nanoTime() < end) {
                for (ConsumerRecord<String, String> one : consumer.poll(Duration.ofMillis(200))) {
                    seen.append(count++ == 0 ? "" : ",").append(one.value());
                }
            }
            if (count > 0) {
                consumer.commitSync(PATIENCE);
            }
            return seen.toString();
        }
    }

    private Properties with(String key, String value) {
        Properties own = new Properties();
        own.putAll(properties);
        own.put(key, value);
        return own;
    }

    private static String json(Map<String, String> told) {
        StringBuilder text = new StringBuilder("{");
        told.forEach((key, value) -> text.append(text.length() > 1 ? ", " : "")
            .append('"').append(key).append("\": \"").append(value.replace("\\", "\\\\").replace("\"", "\\\"")).append('"'));
        return text.append('}').toString();
    }
}
