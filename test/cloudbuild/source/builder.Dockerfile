FROM busybox
COPY hello.txt /hello.txt
