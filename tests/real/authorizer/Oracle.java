import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.security.auth.x500.X500Principal;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AccessControlEntryFilter;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourcePatternFilter;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.apache.kafka.common.security.ssl.SslPrincipalMapper;
import org.apache.kafka.metadata.authorizer.StandardAcl;
import org.apache.kafka.metadata.authorizer.StandardAuthorizer;
import org.apache.kafka.server.authorizer.Action;
import org.apache.kafka.server.authorizer.AuthorizableRequestContext;
import org.apache.kafka.server.authorizer.AuthorizationResult;
import org.apache.kafka.server.authorizer.Authorizer;

/**
 * Answers, line by line, what Apache Kafka and Java themselves say. A line is a word and fields in hexadecimal UTF-8:
 * W super.users allow flavour | A (seven fields of an ACL) | Q type name principal host operation | S type principal host
 * operation | F (seven fields of a filter) | M rules name | N encoded-name | H address | R pattern text.
 */
public class Oracle {
    private Map<String, Object> settings = new HashMap<>();
    private final Map<Uuid, StandardAcl> acls = new LinkedHashMap<>();
    private boolean zooKeeper;
    private Authorizer authorizer;

    public static void main(String[] arguments) throws Exception {
        Oracle oracle = new Oracle();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        StringBuilder out = new StringBuilder();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ", -1);
            String[] fields = new String[words.length - 1];
            for (int i = 0; i < fields.length; i++)
                fields[i] = words[i + 1].equals("-") ? null : new String(HexFormat.of().parseHex(words[i + 1]), StandardCharsets.UTF_8);
            String answer = oracle.answer(words, fields);
            if (answer != null) out.append(answer).append('\n');
        }
        System.out.print(out);
    }

    private String answer(String[] words, String[] f) throws Exception {
        switch (words[0]) {
            case "W":
                settings = new HashMap<>(Map.of("node.id", "1", "super.users", f[0], "allow.everyone.if.no.acl.found", f[1]));
                zooKeeper = f[2].equals("zookeeper");
                acls.clear();
                authorizer = null;
                return null;
            case "A":
                acls.put(new Uuid(1, acls.size() + 1), new StandardAcl(type(f[0]), f[1], PatternType.fromCode(code(f[2])), f[3], f[4],
                    AclOperation.fromCode(code(f[5])), AclPermissionType.fromCode(code(f[6]))));
                return null;
            case "Q":
                Action action = new Action(AclOperation.fromCode(code(f[4])), new ResourcePattern(type(f[0]), f[1], PatternType.LITERAL), 1, true, true);
                return said(authorizer().authorize(context(f[2], f[3]), List.of(action)).get(0));
            case "S":
                return said(authorizer().authorizeByResourceType(context(f[1], f[2]), AclOperation.fromCode(code(f[3])), type(f[0])));
            case "F":
                return filtered(f);
            case "M":
                return mapped(f[0], f[1]);
            case "N":
                return hex(new X500Principal(HexFormat.of().parseHex(words[1])).getName());
            case "H":
                return hex(InetAddress.getByName(f[0]).getHostAddress());
            case "R":
                return found(f[0], f[1]);
            default:
                throw new IllegalArgumentException(words[0]);
        }
    }

    private Authorizer authorizer() throws Exception {
        if (authorizer == null) authorizer = zooKeeper ? aclAuthorizer() : standardAuthorizer();
        return authorizer;
    }

    private StandardAuthorizer standardAuthorizer() throws Exception {
        StandardAuthorizer made = new StandardAuthorizer();
        made.configure(settings);
        measure(made);
        made.loadSnapshot(acls);
        made.completeInitialLoad();
        return made;
    }

    /** ZooKeeper mode's, its cache filled by the method that fills it from ZooKeeper; only Kafka 3 has the classes. */
    private Authorizer aclAuthorizer() throws Exception {
        Class<?> type = Class.forName("kafka.security.authorizer.AclAuthorizer");
        Class<?> versioned = Class.forName("kafka.security.authorizer.AclAuthorizer$VersionedAcls");
        Class<?> entry = Class.forName("org.apache.kafka.security.authorizer.AclEntry");
        Class<?> set = Class.forName("scala.collection.immutable.Set");
        Authorizer made = (Authorizer) type.getConstructor().newInstance();
        Set<Object> supers = new HashSet<>();
        for (String user : ((String) settings.get("super.users")).split(";"))
            if (!user.isBlank()) supers.add(principal(user.trim()));
        assign(made, "superUsers", set, scala(supers));
        assign(made, "shouldAllowEveryoneIfNoAclIsFound", boolean.class, Boolean.valueOf((String) settings.get("allow.everyone.if.no.acl.found")));
        Map<ResourcePattern, Set<Object>> entries = new LinkedHashMap<>();
        for (StandardAcl acl : acls.values()) {
            AclBinding binding = acl.toBinding();
            entries.computeIfAbsent(binding.pattern(), pattern -> new HashSet<>())
                .add(entry.getConstructor(AccessControlEntry.class).newInstance(binding.entry()));
        }
        Method update = type.getMethod("updateCache", ResourcePattern.class, versioned);
        for (Map.Entry<ResourcePattern, Set<Object>> each : entries.entrySet())
            update.invoke(made, each.getKey(), versioned.getConstructor(set, int.class).newInstance(scala(each.getValue()), 0));
        return made;
    }

    private static void assign(Object owner, String field, Class<?> type, Object value) throws Exception {
        Method setter = owner.getClass().getDeclaredMethod(field + "_$eq", type);
        setter.setAccessible(true);
        setter.invoke(owner, value);
    }

    private static Object scala(Set<Object> elements) throws Exception {
        Object view = Class.forName("scala.jdk.javaapi.CollectionConverters").getMethod("asScala", Set.class).invoke(null, elements);
        return Class.forName("scala.collection.IterableOnceOps").getMethod("toSet").invoke(view);
    }

    /** From 4.1 on an authorizer counts its decisions and must be told where. */
    private static void measure(StandardAuthorizer authorizer) throws Exception {
        for (Method method : StandardAuthorizer.class.getMethods()) {
            if (!method.getName().equals("withPluginMetrics")) continue;
            Metrics metrics = new Metrics();
            Object plugin = Proxy.newProxyInstance(Oracle.class.getClassLoader(), method.getParameterTypes(), (self, called, given) ->
                switch (called.getName()) {
                    case "metricName" -> new MetricName((String) given[0], "oracle", (String) given[1], Map.of());
                    case "addSensor" -> metrics.sensor((String) given[0]);
                    default -> null;
                });
            method.invoke(authorizer, plugin);
        }
    }

    private String filtered(String[] f) throws Exception {
        AclBindingFilter filter = new AclBindingFilter(
            new ResourcePatternFilter(type(f[0]), f[1], PatternType.fromCode(code(f[2]))),
            new AccessControlEntryFilter(f[3], f[4], AclOperation.fromCode(code(f[5])), AclPermissionType.fromCode(code(f[6]))));
        List<AclBinding> found = new ArrayList<>();
        authorizer().acls(filter).forEach(found::add);
        StringBuilder places = new StringBuilder("=");
        int place = 0;
        for (StandardAcl acl : acls.values()) {
            if (found.contains(acl.toBinding())) places.append(place).append(',');
            place++;
        }
        return places.toString();
    }

    private static String mapped(String rules, String name) {
        try {
            return hex(SslPrincipalMapper.fromRules(rules).getName(name));
        } catch (Exception refused) {
            return refused.getClass().getSimpleName().equals("NoMatchingRule") ? "-" : "!";
        }
    }

    private static String found(String pattern, String text) {
        Pattern compiled;
        try {
            compiled = Pattern.compile(pattern);
        } catch (Exception refused) {
            return "!";
        }
        Matcher matcher = compiled.matcher(text);
        StringBuilder spans = new StringBuilder(matcher.matches() ? "1" : "0");
        matcher.reset();
        while (matcher.find()) {
            spans.append('|');
            for (int group = 0; group <= matcher.groupCount(); group++)
                spans.append(matcher.start(group)).append(':').append(matcher.end(group)).append(',');
        }
        return spans.toString();
    }

    private static String hex(String text) {
        return "=" + HexFormat.of().formatHex(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String said(AuthorizationResult result) {
        return result == AuthorizationResult.ALLOWED ? "1" : "0";
    }

    private static ResourceType type(String code) {
        return ResourceType.fromCode(code(code));
    }

    private static byte code(String number) {
        return Byte.parseByte(number);
    }

    private static KafkaPrincipal principal(String text) {
        String[] parts = text.split(":", 2);
        return new KafkaPrincipal(parts[0], parts[1]);
    }

    private static AuthorizableRequestContext context(String principal, String host) throws Exception {
        KafkaPrincipal who = principal(principal);
        InetAddress where = InetAddress.getByName(host);
        return new AuthorizableRequestContext() {
            public String listenerName() { return "L"; }
            public SecurityProtocol securityProtocol() { return SecurityProtocol.PLAINTEXT; }
            public KafkaPrincipal principal() { return who; }
            public InetAddress clientAddress() { return where; }
            public int requestType() { return 3; }
            public int requestVersion() { return 0; }
            public String clientId() { return "c"; }
            public int correlationId() { return 0; }
        };
    }
}
