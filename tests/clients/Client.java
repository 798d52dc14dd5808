import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.DescribeClusterResult;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AccessControlEntryFilter;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.SaslAuthenticationException;
import org.apache.kafka.common.errors.SslAuthenticationException;
import org.apache.kafka.common.errors.UnsupportedSaslMechanismException;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourcePatternFilter;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Apache Kafka's own clients, told what to do line by line: an object of JSON in, one out, until there is no more. The
 * members of the former are those of a visit and a deed, those of the latter are of an outcome.
 */
public class Client {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final JsonNode told;
    private final Properties settings = new Properties();
    private final int patience;

    private Client(JsonNode told) throws Exception {
        this.told = told;
        patience = told.get("patience").asInt();
        try (Reader file = Files.newBufferedReader(Path.of(text("properties")), StandardCharsets.ISO_8859_1)) {
            settings.load(file);
        }
        told.get("overrides").fields().forEachRemaining(each -> {
            if (each.getValue().isNull()) settings.remove(each.getKey());
            else settings.put(each.getKey(), each.getValue().asText());
        });
        told.get("system").fields().forEachRemaining(each -> System.setProperty(each.getKey(), each.getValue().asText()));
        settings.put("request.timeout.ms", 1000 * patience);
        settings.put("reconnect.backoff.max.ms", 1000);
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream out = System.out;
        System.setOut(System.err);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            Client client = new Client(JSON.readTree(line));
            out.println(JSON.writeValueAsString(client.outcome()));
            out.flush();
            client.told.get("system").fieldNames().forEachRemaining(System::clearProperty);
        }
    }

    private Map<String, Object> outcome() throws Exception {
        Map<String, Object> told = new HashMap<>();
        try {
            told.put("seen", done());
        } catch (Exception refusal) {
            Throwable cause = refusal;
            while (!place(cause, told) && cause.getCause() != null) cause = cause.getCause();
            if (told.isEmpty()) {
                refusal.printStackTrace();
                told.put("fault", refusal.toString());
            }
            StringBuilder says = new StringBuilder(String.valueOf(cause.getMessage()));
            for (Throwable deeper = cause.getCause(); deeper != null; deeper = deeper.getCause()) says.append(": ").append(deeper.getMessage());
            told.put("says", says.toString());
        }
        return told;
    }

    /** Where it was refused, if the exception tells. */
    private static boolean place(Throwable cause, Map<String, Object> told) {
        if (cause instanceof ExecutionException) return false;
        if (cause instanceof SaslAuthenticationException || cause instanceof UnsupportedSaslMechanismException)
            told.put("refused", "login");
        else if (cause instanceof SslAuthenticationException)
            told.put("refused", "TLS");
        else {
            Errors error = Errors.forException(cause);
            if (error == Errors.UNKNOWN_SERVER_ERROR || error == Errors.REQUEST_TIMED_OUT) return false;
            told.put("error", error.code());
        }
        return true;
    }

    private Object done() throws Exception {
        switch (text("verb")) {
            case "produce":
            case "produce once":
                return produce();
            case "consume":
                return consume();
            default:
                settings.put("default.api.timeout.ms", 1000 * patience);
                try (Admin admin = Admin.create(settings)) {
                    return administer(admin);
                }
        }
    }

    private Object administer(Admin admin) throws Exception {
        String target = text("target");
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, target);
        switch (text("verb")) {
            case "look":
                return look(admin);
            case "create topic":
                return get(admin.createTopics(List.of(new NewTopic(target, 1, (short) 1))).all());
            case "describe acls":
                return acls(admin, target);
            case "create acl":
                AccessControlEntry entry = new AccessControlEntry("User:" + text("text"), "*", AclOperation.READ, AclPermissionType.ALLOW);
                return get(admin.createAcls(List.of(new AclBinding(new ResourcePattern(ResourceType.TOPIC, target, PatternType.LITERAL), entry))).all());
            case "alter topic":
                AlterConfigOp set = new AlterConfigOp(new ConfigEntry("retention.ms", text("text")), AlterConfigOp.OpType.SET);
                Map<ConfigResource, Collection<AlterConfigOp>> altered = Map.of(topic, List.of(set));
                return get(admin.incrementalAlterConfigs(altered).all());
            case "describe topic":
                return setting(admin, topic, "cleanup.policy");
            case "describe broker":
                return setting(admin, new ConfigResource(ConfigResource.Type.BROKER, target), "auto.create.topics.enable");
            case "describe user":
                List<List<Object>> credentials = new ArrayList<>();
                for (ScramCredentialInfo one : get(admin.describeUserScramCredentials(List.of(target)).description(target)).credentialInfos())
                    credentials.add(List.of(one.mechanism().mechanismName(), one.iterations()));
                return credentials;
            default:
                throw new IllegalArgumentException(text("verb"));
        }
    }

    private Object look(Admin admin) throws Exception {
        DescribeClusterResult cluster = admin.describeCluster();
        Map<String, Object> brokers = new TreeMap<>();
        for (Node node : get(cluster.nodes())) brokers.put(node.idString(), node.host() + ":" + node.port());
        Map<String, Object> topics = new TreeMap<>();
        Collection<TopicDescription> described = get(admin.describeTopics(get(admin.listTopics().names())).allTopicNames()).values();
        for (TopicDescription topic : described) topics.put(topic.name(), topic.partitions().size());
        return Map.of("cluster", get(cluster.clusterId()), "controller", get(cluster.controller()).id(), "brokers", brokers, "topics", topics);
    }

    private List<String> acls(Admin admin, String topic) throws Exception {
        AclBindingFilter every = new AclBindingFilter(
            new ResourcePatternFilter(ResourceType.TOPIC, topic, PatternType.LITERAL), AccessControlEntryFilter.ANY);
        List<String> operations = new ArrayList<>();
        for (AclBinding acl : get(admin.describeAcls(every).values())) operations.add(acl.entry().operation().name());
        Collections.sort(operations);
        return operations;
    }

    private String setting(Admin admin, ConfigResource resource, String name) throws Exception {
        return get(admin.describeConfigs(List.of(resource)).all()).get(resource).get(name).value();
    }

    private Object produce() throws Exception {
        settings.put("enable.idempotence", text("verb").equals("produce once"));
        settings.put("max.block.ms", 1000 * patience);
        settings.put("delivery.timeout.ms", 1000 * patience);
        settings.put("linger.ms", 0);
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            producer.send(new ProducerRecord<>(text("target"), text("text"))).get(patience, TimeUnit.SECONDS);
        }
        return null;
    }

    private List<String> consume() {
        settings.put("group.id", text("group"));
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", false);
        settings.put("default.api.timeout.ms", 1000 * patience);
        List<String> values = new ArrayList<>();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(patience);
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(text("target")));
            while (values.size() < told.get("complete").asInt()) {
                if (System.nanoTime() > end) throw new IllegalStateException("too few records came: " + values);
                for (ConsumerRecord<String, String> each : consumer.poll(Duration.ofMillis(200))) values.add(each.value());
            }
            consumer.commitSync();
        }
        Collections.sort(values);
        return values;
    }

    private <T> T get(KafkaFuture<T> future) throws Exception {
        try {
            return future.get(patience, TimeUnit.SECONDS);
        } catch (ExecutionException wrapped) {
            throw (Exception) wrapped.getCause();
        }
    }

    private String text(String member) {
        return told.get(member).asText();
    }
}
